"""Whether an order may be carried out: an allowing deployment decision on exactly these bytes and this plan, proven by the ledger.

Nothing is asked of the ledger and nothing of the network: the proof comes with the order, lies beside the gateway from
then on, and is opened again at every load.
"""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.errors import Refused
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.events import Event
from lifecycle.records.gates import Decision, DeploymentEvidence
from lifecycle.records.rollout import RolloutOrder


def proven_decision(order: RolloutOrder, environment: str, log_keys: Sequence[VerifierKey]) -> Decision:
    """The deployment decision that allows this order.

    Raises Tampered where the proof does not hold, MalformedRecord where the leaf is no event, Refused where the proven
    event is not an allowing deployment decision on this model, version, digest, environment and plan.
    """
    leaf, _ = proven_leaf(order.proof, log_keys)
    event = Event.parse(leaf)
    if not isinstance(event.body, DecisionMade):
        raise _refused(order, f"its proof is of a {event.type}, not of a decision")
    decision = event.body.decision
    asked, shown = decision.input, decision.input.evidence
    checks = (
        (decision.id == order.decision_id, f"its proof is of decision {decision.id}, not of {order.decision_id}"),
        (decision.gate == "deployment" == decision.result.gate == asked.gate, f"its decision is of the gate {decision.gate}"),
        (decision.result.allow and decision.result.outcome == "allow", f"its decision says {decision.result.outcome}"),
        (environment == order.environment == event.environment == asked.target.environment, f"its decision is for {event.environment}"),
        (order.digest == asked.subject.digest == event.subject.digest, "its decision is on other bytes"),
        (order.model == asked.subject.name == event.subject.name, f"its decision is on the model {asked.subject.name}"),
        (order.version == asked.subject.version == event.subject.version, f"its decision is on version {asked.subject.version}"),
        (decision.input_digest == asked.content_digest(), "its decision answers another question than the one beside it"),
        (
            isinstance(shown, DeploymentEvidence) and shown.plan_digest == order.plan.content_digest(),
            "its decision is on another plan of the rollout",
        ),
    )
    for holds, why in checks:
        if not holds:
            raise _refused(order, why)
    return decision


def _refused(order: RolloutOrder, why: str) -> Refused:
    return Refused(
        f"{order.model}:{order.version} may not serve in {order.environment}: {why}.",
        f"Deploy it through its gate: `lifecycle deploy {order.model}:{order.version}`.",
        ("ADMISSION",),
    )
