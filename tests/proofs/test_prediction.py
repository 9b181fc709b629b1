"""The proof of one prediction opens offline, and nothing but the row that was sealed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.proofs.merkle import Tree, leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.proofs.prediction import proven_prediction
from lifecycle.records.bodies.revocations import VersionRevoked
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.identity import derived_id
from lifecycle.records.prediction import Prediction, PredictionProof
from lifecycle.records.record import digest_of
from lifecycle.records.rollout import LedgerProof
from tests.serving.prediction_log.rows import row

KEY = SigningKey.generate("test.example/ledger")
OTHER_KEY = SigningKey.generate("test.example/ledger")


def line(number: int, model: str = "credit") -> bytes:
    """A row as a segment has it."""
    return Prediction.of(row(number, model=model)).canonical()


def text(hashes: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(base64.b64encode(sibling).decode() for sibling in hashes)


def proof_of(position: int, rows: int, *, key: SigningKey = KEY, model: str = "credit", before: int = 3, **changed: Any) -> PredictionProof:
    """The proof of one of so many rows, whose seal is the last of a ledger."""
    lines = [line(number, model) for number in range(rows)]
    segment = Tree(map(leaf_hash, lines))
    body = PredictionsSealed(
        segment="segment.jsonl",
        stream=derived_id("stream"),
        number=1,
        rows=rows,
        from_us=0,
        to_us=rows,
        root=f"sha256:{segment.root().hex()}",
        versions=(),
    )
    subject, actor = Subject(kind="model", name="credit"), Actor(id="gateway", kind="service")
    event = Event.happened(body, subject=subject, actor=actor, environment="local")
    leaves = [*(f"leaf {number}".encode() for number in range(before)), event.canonical()]
    ledger = Tree(map(leaf_hash, leaves))
    seal = LedgerProof(
        index=before,
        leaf=base64.b64encode(leaves[-1]).decode(),
        path=text(ledger.inclusion_path(before)),
        checkpoint=sign(Checkpoint(key.name, len(leaves), ledger.root()), key),
    )
    made = PredictionProof(
        row=base64.b64encode(lines[position]).decode(), position=position, path=text(segment.inclusion_path(position)), seal=seal
    )
    return made.model_copy(update=changed)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_row_of_every_segment_is_proven(data: st.DataObject) -> None:
    """Whatever the sizes of segment and ledger, and wherever in it the row lies."""
    rows = data.draw(st.integers(1, 40))
    position = data.draw(st.integers(0, rows - 1))
    proven = proven_prediction(proof_of(position, rows, before=data.draw(st.integers(0, 20))), [KEY.verifier])
    assert (proven.row.id, proven.seal.rows) == (f"p{position}", rows)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_other_row_is_proven(data: st.DataObject) -> None:
    """A row that was edited, a place that is not its own, a sibling that was exchanged: none passes."""
    proof = proof_of(3, 9)
    content = bytearray(base64.b64decode(proof.row))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    siblings = list(proof.path)
    at = data.draw(st.integers(0, len(siblings) - 1))
    changed: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"row": base64.b64encode(bytes(content)).decode()},
                {"position": data.draw(st.integers(0, 20).filter(lambda number: number != 3))},
                {"path": (*siblings[:at], base64.b64encode(b"\0" * 32).decode(), *siblings[at + 1 :])},
                {"path": tuple(siblings[:-1])},
                {"path": (*siblings, siblings[0])},
            ]
        )
    )
    with pytest.raises(Tampered):
        proven_prediction(proof.model_copy(update=changed), [KEY.verifier])


def test_a_row_that_was_edited_is_told_from_a_record_of_the_ledger() -> None:
    """Whoever reads it looks for a row in a segment: no record of the ledger is in doubt."""
    proof = proof_of(3, 9)
    edited = base64.b64encode(base64.b64decode(proof.row).replace(b"p3", b"p4")).decode()
    with pytest.raises(Tampered, match=r"The row is not number 4 of the 9 rows of the segment"):
        proven_prediction(proof.model_copy(update={"row": edited}), [KEY.verifier])


def test_a_million_rows_need_twenty_hashes() -> None:
    """On both legs: from the row to its segment's root, and from there to the ledger's."""
    assert len(Tree(leaf_hash(b"%d" % number) for number in range(1_000_000)).inclusion_path(765_432)) == 20


def test_a_key_that_is_not_the_logs_proves_nothing() -> None:
    """Nor does a proof out of a log that somebody else signed."""
    with pytest.raises(Tampered):
        proven_prediction(proof_of(0, 2), [OTHER_KEY.verifier])
    with pytest.raises(Tampered):
        proven_prediction(proof_of(0, 2, key=OTHER_KEY), [KEY.verifier])


def test_a_record_that_seals_nothing_proves_nothing() -> None:
    """The ledger proof of another event is no seal."""
    event = Event.happened(
        VersionRevoked(reason="it leaked"),
        subject=Subject(kind="model", name="credit", version=1, digest=digest_of(b"model")),
        actor=Actor(id="rita", kind="human"),
        environment="local",
    )
    tree = Tree([leaf_hash(event.canonical())])
    seal = LedgerProof(
        index=0,
        leaf=base64.b64encode(event.canonical()).decode(),
        path=(),
        checkpoint=sign(Checkpoint(KEY.name, 1, tree.root()), KEY),
    )
    with pytest.raises(Tampered, match="not to the seal of a segment"):
        proven_prediction(proof_of(0, 2, seal=seal), [KEY.verifier])


def test_a_row_of_another_model_does_not_pass_under_a_seal() -> None:
    """The seal speaks of one model's rows."""
    with pytest.raises(Tampered, match="is one of income"):
        proven_prediction(proof_of(0, 2, model="income"), [KEY.verifier])


def test_what_is_no_base64_is_no_proof() -> None:
    """It is refused before anything is hashed."""
    with pytest.raises(MalformedRecord, match="not in base64"):
        proven_prediction(proof_of(0, 2, row="!"), [KEY.verifier])
