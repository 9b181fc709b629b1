"""Exports: the lineage of everything, of one model or of one version, as files in a format that other tools read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.lineage.formats.cyclonedx import cyclonedx
from lifecycle.lineage.formats.in_toto import in_toto
from lifecycle.lineage.formats.openlineage import openlineage
from lifecycle.lineage.formats.prov import prov
from lifecycle.lineage.graph import Graph, version_id
from lifecycle.lineage.ports import Ledger
from lifecycle.lineage.reading import read_graph
from lifecycle.lineage.selection import events_behind
from lifecycle.proofs.dsse import Signer
from lifecycle.records.bodies.keeping import BodiesPruned
from lifecycle.records.events import Recorded
from lifecycle.records.record import JsonObject


@dataclass(frozen=True)
class Lineage:
    """What an export tells: the graph, the records that it was read from, and how far the ledger reached then."""

    #: What the files are named after.
    name: str
    graph: Graph
    recorded: tuple[Recorded, ...]
    stamp: JsonObject
    #: The entity of the version that it is about; None where it is of a whole model or ledger.
    about: str | None = None

    @property
    def size(self) -> int:
        """How many records the ledger had when it was read."""
        size = self.stamp["size"]
        assert isinstance(size, int)
        return size


def lineage_of(ledger: Ledger, model: str | None = None, version: int | None = None, *, answers: bool = True) -> Lineage:
    """The lineage of everything, of one model, or of one version, of which only the records behind it are read.

    `answers` False leaves the sealed segments of a version's predictions out. Raises UnknownName for what the ledger does not know.
    """
    # First the stamp: what is written meanwhile is not in it, and whoever holds the export against the ledger finds the rest added.
    stamp = stamp_of(ledger)
    if model is None:
        recorded = tuple(ledger.events())
        return Lineage("ledger", read_graph(recorded), recorded, stamp)
    if version is None:
        recorded = tuple(ledger.events(name=model))
        if not recorded:
            raise UnknownName(f"The ledger knows no model {model!r}.", "`lifecycle status` lists the models and their versions.")
        return Lineage(model, read_graph(recorded), recorded, stamp)
    recorded = events_behind(ledger, model, version, answers=answers)
    node = version_id(model, version)
    graph = read_graph(recorded)
    # Of a version whose past was pruned its retirement still stands, and tells nothing of what it came from.
    if graph.maker(node) is None:
        raise unknown_version(ledger, model, version)
    return Lineage(f"{model}-{version}", graph.around(node), recorded, stamp, node)


def written(lineage: Lineage, form: str, signer: Signer | None = None) -> dict[str, bytes]:
    """The files of an export by name. The same lineage (and key) gives the same bytes. `signer` signs what is signed: in-toto only.

    Raises InvalidDeclaration for a format that there is not, and for a signed one without a signer.
    """
    if form not in FORMATS:
        raise InvalidDeclaration(f"There is no export format {form!r}.", f"The formats are {', '.join(FORMATS)}.")
    suffix, write = FORMATS[form]
    return {f"{lineage.name}.{suffix}": write(lineage, signer)}


def export(
    ledger: Ledger, form: str, *, model: str | None = None, version: int | None = None, signer: Signer | None = None
) -> dict[str, bytes]:
    """`lineage_of`, `written`. Raises as they do."""
    if form not in FORMATS:
        raise InvalidDeclaration(f"There is no export format {form!r}.", f"The formats are {', '.join(FORMATS)}.")
    return written(lineage_of(ledger, model, version), form, signer)


def stamp_of(ledger: Ledger) -> JsonObject:
    """How far the ledger reaches, and its newest signed checkpoint: what an export is to be checked against."""
    return {"size": ledger.head().size, "checkpoint": ledger.checkpoint() or ""}


def _openlineage(lineage: Lineage, signer: Signer | None) -> bytes:
    return openlineage(lineage.graph, lineage.stamp)


def _prov(lineage: Lineage, signer: Signer | None) -> bytes:
    return prov(lineage.graph, lineage.stamp)


def _cyclonedx(lineage: Lineage, signer: Signer | None) -> bytes:
    from lifecycle.lineage.cards.ml_bom import ml_bom_card
    from lifecycle.lineage.cards.version import gather_all

    told = ((version_id(one.model, one.version), one) for one in gather_all(lineage.recorded))
    cards = {node: ml_bom_card(records) for node, records in told if node in lineage.graph}
    return cyclonedx(lineage.graph, lineage.stamp, name=lineage.name, about=lineage.about, cards=cards)


def _in_toto(lineage: Lineage, signer: Signer | None) -> bytes:
    if signer is None:
        raise InvalidDeclaration("in-toto attestations are signed, and there is no key to sign with.", "Name a private key on P-256.")
    return in_toto(lineage.graph, lineage.stamp, signer)


#: The ending of each format's file, and what writes it.
FORMATS: Mapping[str, tuple[str, Callable[[Lineage, Signer | None], bytes]]] = {
    "openlineage": ("openlineage.ndjson", _openlineage),
    "prov": ("prov.json", _prov),
    "cyclonedx": ("cdx.json", _cyclonedx),
    "in-toto": ("intoto.jsonl", _in_toto),
}
#: The formats that need a key.
SIGNED = frozenset({"in-toto"})


def unknown_version(ledger: Ledger, model: str, version: int) -> UnknownName:
    """The error of a version that the ledger does not know, or no longer: with those that it does, or with what pruned it."""
    for one in ledger.events(types=("BodiesPruned",)):
        body = one.event.body
        if isinstance(body, BodiesPruned) and any((closed.model, closed.version) == (model, version) for closed in body.closed_versions):
            return UnknownName(
                f"{model}:{version} was retired, and what the ledger held of it was pruned by record {one.index}.",
                "Its records still stand as leaf hashes; a backup or an evidence pack from before holds what they said.",
            )
    trained = [str(one.event.subject) for one in ledger.events(types=("ModelTrained",), name=model)]
    if not trained and not ledger.events(name=model):
        return UnknownName(f"The ledger knows no model {model!r}.", "`lifecycle status` lists the models and their versions.")
    return UnknownName(f"The ledger knows no {model}:{version}.", f"The versions are {', '.join(trained) or 'none yet'}.")
