"""Exports: the lineage of everything, of one model or of one version, as files in a format that other tools read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.lineage.graph import Graph, version_id
from lifecycle.lineage.openlineage import openlineage
from lifecycle.lineage.ports import Ledger
from lifecycle.lineage.prov import prov
from lifecycle.lineage.reading import read_graph
from lifecycle.records.record import JsonObject

Format = Literal["openlineage", "prov"]
FORMATS: dict[str, tuple[str, Callable[[Graph, JsonObject], bytes]]] = {
    "openlineage": ("openlineage.ndjson", openlineage),
    "prov": ("prov.json", prov),
}


def export(ledger: Ledger, form: str, *, model: str | None = None, version: int | None = None) -> dict[str, bytes]:
    """The files of an export by name. The same ledger gives the same bytes.

    Raises InvalidDeclaration for a format that there is not, UnknownName for a model or a version that the ledger does not know.
    """
    if form not in FORMATS:
        raise InvalidDeclaration(f"There is no export format {form!r}.", f"The formats are {', '.join(FORMATS)}.")
    suffix, write = FORMATS[form]
    graph = graph_of(ledger, model, version)
    name = "ledger" if model is None else model if version is None else f"{model}-{version}"
    return {f"{name}.{suffix}": write(graph, stamp_of(ledger))}


def graph_of(ledger: Ledger, model: str | None = None, version: int | None = None) -> Graph:
    """The graph of everything, of one model, or of one version. Raises UnknownName for what the ledger does not know."""
    if model is None:
        return read_graph(ledger.events())
    graph = read_graph(ledger.events(name=model))
    if not graph.activities:
        raise UnknownName(f"The ledger knows no model {model!r}.", "`lifecycle status` lists the models and their versions.")
    if version is None:
        return graph
    node = version_id(model, version)
    if node not in graph:
        known = [one.label for one in graph.entities.values() if one.kind == "version"]
        raise UnknownName(f"The ledger knows no {model}:{version}.", f"The versions are {', '.join(known) or 'none yet'}.")
    return graph.around(node)


def stamp_of(ledger: Ledger) -> JsonObject:
    """How far the ledger reaches, and its newest signed checkpoint: what an export is to be checked against."""
    return {"size": ledger.head().size, "checkpoint": ledger.checkpoint() or ""}
