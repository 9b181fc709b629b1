"""Explaining one prediction of this home: the prediction log, the ledger, the store and the keys, brought together."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lifecycle.errors import LifecycleError, Tampered, Unavailable, UnknownName
from lifecycle.lineage.explaining import Asked, Chain, Placed, Store, Verifiers, explain
from lifecycle.lineage.explaining.chain import Found
from lifecycle.lineage.selection import ANSWERS, every_event
from lifecycle.lineage.step import Step
from lifecycle.records.approval import Statement
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event
from lifecycle.records.prediction import PredictionProof
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.lineage.explanation import Explanation
    from lifecycle.proofs.notes import Checkpoint, VerifierKey
    from lifecycle.records.approval import Envelope
    from lifecycle.records.bodies.governors import EnrolledKey
    from lifecycle.serving.folder import GatewayFolder
    from lifecycle.serving.prediction_log.reading import Located


def explain_prediction(departments: Departments, prediction_id: str, *, with_inputs: bool = False) -> Explanation:
    """Every edge behind a prediction, each checked; those that do not hold are in `missing`.

    What was asked is shown only `with_inputs`. Raises UnknownName where there is no such prediction, Unavailable where
    the ledger or the log does not answer, Tampered where the row itself is none, or may have been in a sealed segment that is gone.
    """
    departments.require_ledger()
    located = _located(departments, prediction_id)
    waiting = _waiting(departments, located)
    chain = Chain.read(departments.ledger, located.row.model, waiting)
    placed, path = _placed(departments, located, waiting)
    store = Store(departments.artifacts.has, departments.artifacts.read)
    found = explain(
        located.row,
        Asked(located.asked, located.fits),
        placed,
        chain,
        store,
        Verifiers(lambda model, signature: _signature_fault(departments, model, signature), _statement_fault),
        _shown(located, with_inputs=with_inputs),
    )
    return _proven(departments, found, located, placed, path)


def prove_prediction(departments: Departments, prediction_id: str) -> PredictionProof:
    """The proof of one prediction, to be believed offline.

    Raises Unavailable where its segment is not sealed yet or no ledger checkpoint covers the seal, and like `explain_prediction`.
    """
    located = _located(departments, prediction_id)
    placed, path = _placed(departments, located, _waiting(departments, located))
    if placed.unsealed or placed.unproven:
        raise Tampered(
            f"Prediction {prediction_id} can't be proven: {placed.unsealed or placed.unproven}.", "Run `lifecycle ledger verify`."
        )
    if placed.seal is None or placed.seal.index is None:
        raise Unavailable(
            f"Prediction {prediction_id} can't be proven yet: {placed.waiting or 'its seal waits in the journal of the gateway'}.",
            "Ask again in a moment.",
        )
    return _proof(departments, located, placed.seal.index, path)


def _located(departments: Departments, prediction_id: str) -> Located:
    try:
        return departments.predictions.locate(prediction_id)
    except UnknownName:
        from lifecycle.life.reconciling.lost_predictions import require_not_lost

        require_not_lost(departments, prediction_id)
        raise


def _shown(located: Located, *, with_inputs: bool) -> dict[str, Any]:
    """The row as it is shown; what the caller sent may be personal."""
    from lifecycle.serving.prediction_log.reading import ASKED

    row = located.as_row() | {"inputs_kept": located.asked is not None}
    if with_inputs:
        return row | {name: located.asked[name] for name in ("subject", "grant_id", "principal") if located.asked and name in located.asked}
    return {name: value for name, value in row.items() if name not in ASKED}


def _waiting(departments: Departments, located: Located) -> tuple[Event, ...]:
    """What this home's gateway, and the one that answered, have in their journals and not in the ledger yet."""
    from lifecycle.serving.rollouts.journal import replay

    journals = dict.fromkeys((departments.gateway_folder.journal, _answered_by(located).journal))
    return tuple(one.event for journal in journals for one in replay(journal)[1])


def _answered_by(located: Located) -> GatewayFolder:
    """What the gateway keeps that answered: that of this home, or of a cluster's pod."""
    from lifecycle.serving.folder import GatewayFolder

    return GatewayFolder(located.log.folder.parents[1])


def _placed(departments: Departments, located: Located, waiting: Sequence[Event]) -> tuple[Placed, tuple[bytes, ...]]:
    """Where the row lies and what sealed it, and the path to the root of its segment."""
    from lifecycle.serving.client import GatewayClient
    from lifecycle.serving.prediction_log.segment_proof import segment_path

    seal = _seal(departments, located, waiting)
    segment, position, log = located.segment, located.position, located.log
    if seal is None:
        if any(name.segment == segment for name in log.seals()):
            return Placed(segment, position, 0, None, unsealed="the ledger does not have the seal of its segment"), ()
        if log.is_written(segment):
            return Placed(segment, position, 0, None, waiting="its segment is still written, and not sealed yet"), ()
        if GatewayClient(_answered_by(located).path).holds_its_folder():
            return Placed(segment, position, 0, None, waiting="its segment is over, and about to be sealed"), ()
        of_a_pod = _answered_by(located) != departments.gateway_folder
        start = (
            "the controller of its cluster (`lifecycle gateway run --target`)" if of_a_pod else "the gateway (`lifecycle gateway start`)"
        )
        return Placed(segment, position, 0, None, waiting=f"its segment was never sealed: start {start}, and it is"), ()
    try:
        path = segment_path(located, seal.body)
    except LifecycleError as error:
        return Placed(segment, position, 0, seal, unproven=error.what.rstrip(".")), ()
    return Placed(segment, position, len(path), seal), path


def _seal(departments: Departments, located: Located, waiting: Sequence[Event]) -> Found[PredictionsSealed] | None:
    """The record that sealed a segment: by the seal beside it, or, where that is gone, by looking through the ledger."""
    from lifecycle.serving.prediction_log.sealing import read_seal

    for name in located.log.seals():
        if name.segment == located.segment:
            event = read_seal(located.log, name)
            recorded = departments.ledger.find(event.id)
            if recorded is not None:
                return _found(recorded.index, recorded.event)
            return _found(None, event) if event.id in {one.id for one in waiting} else None
    sealed = None
    for recorded in every_event(departments.ledger, types=ANSWERS, name=located.row.model):
        if isinstance(recorded.event.body, PredictionsSealed) and recorded.event.body.segment == located.segment:
            sealed = _found(recorded.index, recorded.event)
    return sealed


def _found(index: int | None, event: Event) -> Found[PredictionsSealed] | None:
    return Found(index, event, event.body) if isinstance(event.body, PredictionsSealed) else None


def _proven(departments: Departments, found: Explanation, located: Located, placed: Placed, path: tuple[bytes, ...]) -> Explanation:
    """The explanation with its last edge: every record that it rests on stands in the ledger that was signed."""
    proof = None
    try:
        checkpoint, covered = _covered(departments, found.indexes)
        if placed.seal is not None and placed.seal.index in covered and not placed.unproven:
            proof = _proof(departments, located, placed.seal.index, path).as_json()
    except LifecycleError as error:
        return found.with_steps([Step("proof", "ledger checkpoint", "ledger checkpoint", standing="missing", why=error.what.rstrip("."))])
    facts = {"origin": checkpoint.origin, "size": checkpoint.size, "root": base64.b64encode(checkpoint.root_hash).decode()}
    what = f"ledger checkpoint of {checkpoint.size:,} records"
    detail = f"signed by {checkpoint.origin}; {len(covered)} of {len(found.indexes)} records proven to stand in it"
    unsigned = [index for index in found.indexes if index not in covered]
    if unsigned:
        which = f"record {unsigned[0]} is" if len(unsigned) == 1 else f"records {', '.join(map(str, unsigned))} are"
        why = f"{which} not signed yet: `lifecycle ledger checkpoint` signs what stands"
        step = Step("proof", "ledger checkpoint", what, detail, standing="waiting", why=why, facts=facts)
    else:
        step = Step("proof", "ledger checkpoint", what, detail, facts=facts, tone="good")
    return found.with_steps([step], proof)


def _covered(departments: Departments, indexes: Sequence[int]) -> tuple[Checkpoint, frozenset[int]]:
    """The latest ledger checkpoint, its signature checked, and which of these records are proven to stand under it.

    Raises Unavailable where there is none, Tampered where a signature or a proof does not hold.
    """
    from lifecycle.proofs.inclusion import proven_leaf
    from lifecycle.proofs.notes import open_note

    keys = _log_keys(departments)
    note = departments.ledger.checkpoint()
    if note is None:
        raise Unavailable("there is no ledger checkpoint", "Have one signed: `lifecycle ledger checkpoint`.")
    checkpoint = open_note(note, keys)
    covered = frozenset(index for index in indexes if index < checkpoint.size)
    for index in covered:
        proven_leaf(departments.ledger.proof(index), keys)
    return checkpoint, covered


def _log_keys(departments: Departments) -> list[VerifierKey]:
    return list(departments.ledger_keys)


def _proof(departments: Departments, located: Located, index: int, path: Sequence[bytes]) -> PredictionProof:
    from lifecycle.proofs.prediction import proven_prediction

    proof = PredictionProof(
        row=base64.b64encode(located.stored).decode(),
        position=located.position,
        path=tuple(base64.b64encode(sibling).decode() for sibling in path),
        seal=departments.ledger.proof(index),
    )
    # What is handed out was opened as whoever gets it will open it.
    proven_prediction(proof, _log_keys(departments))
    return proof


def _signature_fault(departments: Departments, model: Digest, signature: Digest) -> str:
    from lifecycle.artifacts.signing import PUBLIC_NAME, verify_package

    public = departments.folder("keys", 0o700) / PUBLIC_NAME
    return _fault(lambda: verify_package(departments.artifacts, model, signature, public))


def _statement_fault(envelope: Envelope, key: EnrolledKey) -> str:
    from lifecycle.approvals.statements import require_signed_by

    return _fault(lambda: require_signed_by(envelope, key, envelope.holding(Statement).approver))


def _fault(look: Callable[[], object]) -> str:
    try:
        look()
    except UnknownName as error:
        return f"it can't be verified here: {error.what}".rstrip(".")
    except LifecycleError as error:
        return error.what.rstrip(".")
    return ""
