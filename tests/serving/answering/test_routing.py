"""Which arm a request belongs to, and the parts that are asked in a champion's place or beside it."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.serving.answering import shadowing
from lifecycle.serving.answering.drawing import arm_of
from lifecycle.serving.answering.protocol import InferRequest
from lifecycle.serving.answering.routes import Route, as_weight
from lifecycle.serving.answering.served import Answer
from lifecycle.serving.answering.shadowing import Copy, ShadowQueue
from lifecycle.serving.answering.tiers import MOST_CACHED, AnswerCache, RowBudget

KEYS = [f"customer-{number}" for number in range(2_000)]
SHARES = st.floats(0.0, 1.0)
SALTS = st.binary(min_size=8, max_size=8)


def route(canary: float = 0.0, holdout: float = 0.0, *, salt: bytes = b"rollout1", holdout_salt: bytes = b"rollout0") -> Route:
    return Route(
        champion=2,
        canary=3 if canary else 0,
        weight=as_weight(canary),
        salt=salt,
        holdout=1 if holdout else 0,
        holdout_weight=as_weight(holdout),
        holdout_salt=holdout_salt,
    )


@given(canary=SHARES, holdout=st.floats(0.0, 0.5), salt=SALTS, holdout_salt=SALTS, key=st.text(min_size=1))
def test_a_key_belongs_to_one_arm(canary: float, holdout: float, salt: bytes, holdout_salt: bytes, key: str) -> None:
    """Asked again under the same routes, a key gives the same arm, and one that the route has."""
    found = route(canary, holdout, salt=salt, holdout_salt=holdout_salt)
    arm = arm_of(found, key)
    assert arm_of(found, key) == arm
    assert arm in {"champion", *(["canary"] if canary else []), *(["holdout"] if holdout else [])}


@given(first=SHARES, second=SHARES, holdout=st.floats(0.0, 0.5), key=st.text(min_size=1))
def test_who_is_on_the_canary_stays_there_as_its_share_grows(first: float, second: float, holdout: float, key: str) -> None:
    """No caller goes back and forth between two versions from step to step."""
    low, high = sorted((first, second))
    if arm_of(route(low, holdout), key) == "canary":
        assert arm_of(route(high, holdout), key) == "canary"


@given(canary=SHARES, salt=SALTS, holdout=st.floats(0.0, 0.5), key=st.text(min_size=1))
def test_no_rollout_moves_the_hold_out(canary: float, salt: bytes, holdout: float, key: str) -> None:
    """Who belongs to it is drawn under a salt of its own, before anything else."""
    assert (arm_of(route(canary, holdout, salt=salt), key) == "holdout") == (arm_of(route(0.0, holdout), key) == "holdout")


def test_the_arms_get_their_shares_of_many_callers() -> None:
    """Of 2,000 callers a tenth is held out, and the canary has its share of the others: each within 5 standard deviations."""
    found = route(0.3, 0.1)
    arms: Counter[str] = Counter(arm_of(found, key) for key in KEYS)
    for arm, share in (("holdout", 0.1), ("canary", 0.27), ("champion", 0.63)):
        assert abs(arms[arm] - 2_000 * share) < 5 * (2_000 * share * (1 - share)) ** 0.5
    assert (found.holdout_share, found.canary_share, found.champion_share) == (
        as_weight(0.1) / 2**32,
        as_weight(0.3) / 2**32 * (1.0 - found.holdout_share),
        1.0 - found.holdout_share - found.canary_share,
    )


@given(key=st.text(), weight=SHARES)
def test_nobody_belongs_to_a_shadow(key: str, weight: float) -> None:
    """Copies are drawn from those whom the champion has answered."""
    shadowed = Route(champion=2, canary=3, weight=as_weight(weight), copies=True)
    assert arm_of(shadowed, key) == "champion"
    assert (shadowed.canary_share, shadowed.champion_share) == (0.0, 1.0)


@given(
    rate=st.floats(0.1, 1_000.0),
    asked=st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(1, 200)), max_size=60),
)
def test_no_more_rows_than_their_rate_and_one_second_saved_up(rate: float, asked: list[tuple[float, int]]) -> None:
    """Whatever comes when: what is taken is bounded, but for one request that is larger than any second."""
    now = [0.0]
    budget = RowBudget(rate, lambda: now[0])
    taken = 0.0
    for pause, rows in asked:
        now[0] += pause
        if budget.takes(rows):
            taken += min(float(rows), max(rate, 1.0))
    assert taken <= rate * now[0] + max(rate, 1.0) + 1e-6


def request(income: float) -> InferRequest:
    return InferRequest("", {"income": [income]}, 1, "", ())


def test_an_answer_is_given_again_for_the_same_values_and_for_a_time() -> None:
    """Other values, and what is too old, have no answer; the oldest go when there are too many."""
    now = [0.0]
    cache = AnswerCache(lambda: now[0])
    cache.keep(request(1.0), Answer([0.25], ["good"]))
    now[0] = 10.0
    assert cache.find(request(1.0), 10.0) == Answer([0.25], ["good"])
    assert cache.find(request(1.0), 9.9) is None
    assert cache.find(request(2.0), 10.0) is None
    for number in range(MOST_CACHED):
        cache.keep(request(float(number + 2)), Answer([0.5], ["bad"]))
    assert cache.find(request(1.0), 1e9) is None
    assert cache.find(request(2.0), 1e9) is not None


@given(sizes=st.lists(st.integers(1, shadowing.MOST_ROWS_WAITING * 2), max_size=40))
def test_each_copy_is_asked_or_dropped_once_and_few_wait(sizes: list[int]) -> None:
    """While nothing is answered, no more rows wait than may; and what was neither asked nor waits was dropped and told."""

    async def run() -> None:
        opened = asyncio.Event()
        asked: list[Copy] = []
        dropped: list[Copy] = []

        async def ask(copy: Copy) -> None:
            await opened.wait()
            asked.append(copy)

        queue = ShadowQueue(ask, dropped.append)
        copies = [Copy("credit", 2, InferRequest(str(number), {}, rows, "", ()), ()) for number, rows in enumerate(sizes)]
        for copy in copies:
            queue.offer(copy)
        assert sum(copy.request.rows for copy in copies) - sum(copy.request.rows for copy in dropped) <= shadowing.MOST_ROWS_WAITING
        opened.set()
        for _ in range(len(copies) + 10):
            await asyncio.sleep(0)
        assert sorted(copy.request.id for copy in (*asked, *dropped)) == sorted(copy.request.id for copy in copies)

    asyncio.run(run())
