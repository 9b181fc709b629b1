"""A past decision, taken again: the stored input and the stored bundle must give the stored verdict, years later.

Compared are the verdict, the ids of the rules that failed, and the obligations: what a decision means. Message text is
not: engines word numbers differently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import Engine, EngineFailure
from lifecycle.policy.posing import answer
from lifecycle.records.gates import Decision, GateResult
from lifecycle.records.record import digest_of

#: What begins the id of a rule that no policy has: the denial of a keeper whose engine gave no answer.
_NO_ANSWER = "SYS-"

Outcome = Literal["identical", "different", "not_replayable"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True)
class Retaken:
    """How a decision went the second time: what differs in words, or why it can't be taken again."""

    outcome: Outcome
    difference: tuple[str, ...] = ()
    why: str = ""


def retake(decision: Decision, bundle: Bundle, engine: Engine) -> Retaken:
    """Takes a decision again under the bundle that it names, on an engine that was made from that bundle."""
    if bundle.digest != decision.policy.bundle_digest:
        return Retaken("not_replayable", why=f"it was taken under the bundle {decision.policy.bundle_digest}, not {bundle.digest}")
    unanswered = [failed.rule for failed in decision.result.violations if failed.rule.startswith(_NO_ANSWER)]
    if unanswered:
        return Retaken("not_replayable", why=f"no engine had answered then: the keeper itself denied it ({', '.join(unanswered)})")
    asked = decision.input.canonical()
    if digest_of(asked) != decision.input_digest:
        return Retaken("different", (f"its input has the digest {digest_of(asked)}, it says {decision.input_digest}",))
    try:
        again = answer(decision.input, asked, bundle, engine)
    except EngineFailure as failure:
        return Retaken("not_replayable", why=f"{failure.rule}: {failure.what}")
    found = tuple(differences(decision.result, again))
    return Retaken("different", found) if found else Retaken("identical")


def differences(then: GateResult, now: GateResult) -> Iterator[str]:
    """Each thing in which two results mean something else, in words."""
    if then.outcome != now.outcome:
        yield f"the verdict was {then.outcome} and is {now.outcome}"
    for what, before, after in (
        ("fails", _failing(then), _failing(now)),
        ("is evaluated", set(then.evaluated), set(now.evaluated)),
        ("is waived", {failed.rule for failed in then.waived}, {failed.rule for failed in now.waived}),
        ("obliges", _obligations(then), _obligations(now)),
    ):
        for name in sorted(after - before):
            yield f"{name} {what} now"
        for name in sorted(before - after):
            yield f"{name} {what} no more"


def _failing(result: GateResult) -> set[str]:
    return {failed.rule for failed in (*result.violations, *result.warnings)}


def _obligations(result: GateResult) -> set[str]:
    return {obligation.canonical().decode() for obligation in result.obligations}
