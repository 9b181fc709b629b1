"""Attack: a report or a model is swapped in the artifact store; the record that names it is left alone, or rewritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.records.bodies import ModelEvaluated, ModelTrained
from lifecycle.records.events import Event
from lifecycle.records.record import Digest, digest_of
from tests.artifacts.parts import stored_file
from tests.ledger.happenings import ORIGIN, digest
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim, said

pytestmark = EVERY_DATABASE

FORGED = b"a better one"


def report_in(event: Event) -> Digest:
    assert isinstance(event.body, ModelEvaluated)
    return event.body.report_html_digest


def model_in(event: Event) -> Digest:
    assert isinstance(event.body, ModelTrained)
    return event.body.model_digest


#: What was recorded of each file: the bytes, the record that names them, and where in it.
FILES = pytest.mark.parametrize(
    ("content", "index", "named_in"), [(b"html", 1, report_in), (b"credit 1", 0, model_in)], ids=["a report", "a model"]
)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """What the victim's records name, as it was stored."""
    store = ArtifactStore(str(tmp_path / "artifacts"), cache=tmp_path / "cache")
    for content in (b"html", b"credit 1"):
        store.put(content)
    return store


@FILES
def test_a_swapped_file_is_not_the_one_that_the_ledger_names(
    victim: Victim, store: ArtifactStore, content: bytes, index: int, named_in: Callable[[Event], Digest]
) -> None:
    """The ledger is untouched and reaches L2; the proven leaf names the digest, and nobody is given other bytes for it."""
    swapped = stored_file(store, digest_of(content))
    swapped.write_bytes(FORGED)
    assert victim.verify().level == "L2"
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        leaf, _ = proven_leaf(ledger.proof(index), [victim.log_key])
    with pytest.raises(Tampered, match=digest_of(content)):
        store.read(named_in(Event.parse(leaf)))
    assert swapped.read_bytes() == FORGED


@FILES
def test_a_record_rewritten_to_name_the_other_file_is_found(
    victim: Victim, store: ArtifactStore, content: bytes, index: int, named_in: Callable[[Event], Digest]
) -> None:
    """At L0 as it stands; made to fit, by the log's checkpoints at L1; signed with the stolen key, by the held one at L2."""
    other = store.put(FORGED)
    # Of a model the digest stands all over the life of its version.
    victim.place.tamper(f"UPDATE events SET stored = edited(stored, '{digest_of(content)}', '{other}') WHERE leaf_index < 3")
    victim.place.change("UPDATE events SET subject_digest = ? WHERE subject_digest = ?", (other, digest_of(content)))
    result = victim.verify()
    assert result.level == "none"
    assert index in [finding.index for finding in result.findings]
    victim.rehash()
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        assert store.read(named_in(ledger.events(since=index, limit=1)[0].event)) == FORGED
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L0"), said(result)
    assert "not what the ledger checkpoint of 4 records covers" in said(result)
    victim.rebuild_checkpoints(victim.stolen_key)
    assert verify_ledger(victim.url, victim.log_key).ok
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L1"), said(result)


def test_the_files_are_those_of_the_victim(victim: Victim) -> None:
    """What the attacks above swap is what the records name."""
    assert (model_in(victim.events[0]), report_in(victim.events[1])) == (digest("credit 1"), digest("html"))
