"""What is asked where a champion fails, or has answered its rows of this second: the tiers of its plan, in their order.

A tier is no way around a gate. An earlier version and another model's champion answer under the decisions that let them serve
here, and an answer is given again only while the version that gave it may itself still answer.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from lifecycle.records.rollout import Tier
from lifecycle.serving.answering.protocol import InferRequest, as_bytes
from lifecycle.serving.answering.served import Answer, ServedModel
from lifecycle.serving.failures import ArmFailed, RequestRefused

#: Answers that are kept to be given again, by version and worker.
MOST_CACHED = 4_096


@dataclass(frozen=True, slots=True)
class FromTier:
    """What a tier said, and who it was."""

    answer: Answer
    by: ServedModel
    #: The other model whose champion this is; "" where it is the same model.
    other_model: str = ""
    cached: bool = False


class AnswerCache:
    """The latest answers of one version, by what was asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()

    def keep(self, request: InferRequest, answer: Answer) -> None:
        """Keeps an answer, in the place of an older one; the oldest of too many goes."""
        key = _key(request)
        self._answers[key] = (self._clock(), answer)
        self._answers.move_to_end(key)
        if len(self._answers) > MOST_CACHED:
            self._answers.popitem(last=False)

    def find(self, request: InferRequest, most_age_seconds: float) -> Answer | None:
        """What was answered to exactly these values, not longer ago than this."""
        at, answer = self._answers.get(_key(request), (0.0, None))
        return answer if self._clock() - at <= most_age_seconds else None


class RowBudget:
    """Rows per second, saved up for one second at most."""

    def __init__(self, rows_per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rows_per_second
        self._most = max(rows_per_second, 1.0)
        self._clock = clock
        self._left, self._at = self._most, clock()

    def takes(self, rows: int) -> bool:
        """Whether there is room for so many rows more; then they are taken. What is larger than any second holds takes a whole one."""
        now = self._clock()
        self._left, self._at = min(self._most, self._left + (now - self._at) * self._rate), now
        wanted = min(float(rows), self._most)
        if wanted > self._left:
            return False
        self._left -= wanted
        return True


def ask_tiers(
    tiers: tuple[Tier, ...],
    request: InferRequest,
    *,
    champion: ServedModel,
    earlier: ServedModel | None,
    champion_of: Callable[[str], ServedModel | None],
    cache: AnswerCache | None,
) -> FromTier | None:
    """The answer of the first tier that has one. A tier that is not loaded, that the
    caller may not ask, that fails, or that does not take the request is passed over."""
    for tier in tiers:
        if tier.kind == "cached":
            found = None if cache is None or tier.most_age_seconds is None else cache.find(request, tier.most_age_seconds)
            if found is not None:
                return FromTier(found, champion, cached=True)
            continue
        holder = earlier if tier.kind == "earlier_version" else champion_of(tier.model or "")
        if holder is None or not request.may_be_answered_by(holder.digest):
            continue
        try:
            answer = holder.answer(request.columns, request.rows)
        except (ArmFailed, RequestRefused):
            continue
        return FromTier(answer, holder, other_model=tier.model or "")
    return None


def _key(request: InferRequest) -> bytes:
    return blake2b(as_bytes(request.columns), digest_size=16).digest()
