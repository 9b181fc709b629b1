"""Two versions beside each other, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.cli import render
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.declaration import GovernedModel
    from lifecycle.life.comparing import Compared
    from lifecycle.monitoring.comparison import ArmFigures, ComparedShare
    from lifecycle.records.evidence import Measurement

_STRATEGIES = {"canary": "canary", "blue_green": "blue-green", "ab": "A/B test", "shadow": "shadow"}
_ARMS = {"canary": "", "champion": "", "shadow": " (shadow)", "holdout": " (hold-out)"}


def show_compared(model: GovernedModel, found: Compared) -> None:
    """Prints what fell to each side, the shares of both with their intervals, and what to bear in mind."""
    stretch, arms = found.stretch, found.arms
    ours, theirs = (f"{model.name}:{side.version}{_ARMS.get(side.arm, '')}" for side in (arms.ours, arms.theirs))
    where = "hold-out" if stretch.step is None else f"{_STRATEGIES[found.strategy]}, step {stretch.step}"
    until = render.moment(stretch.to_us) if stretch.over else "now"
    render.line(f"{ours} beside {theirs}: {where}, from {render.moment(stretch.from_us)} until {until}")
    render.table(("", ours, theirs), [(name, *values) for name, values in _fell(arms.ours, arms.theirs)])
    if arms.disagreement is not None:
        render.line(f"Of {counted(arms.disagreement.n, 'request')} that both answered, {_share(arms.disagreement)} were decided otherwise.")
    render.table(
        ("share of answers", "", ours, "of", theirs, "of", "difference (95 %)"),
        [_row(share, model.data.positive) for share in arms.shares],
        empty="Neither has answered anything yet.",
    )
    if any(share.difference is not None and _leaves_0_out(share.difference) for share in arms.shares):
        render.note("●: the interval leaves 0 out.")
    if any(share.ours is None and share.column is not None for share in arms.shares):
        render.note(f"A dash: a group with fewer than {model.minimum_group_n} answers on either side is not compared.")
    if arms.one_in > 1:
        render.note(f"One of {arms.one_in} answers is compared, drawn by its id: there are more than are remembered.")
    if not arms.ours.labelled and not arms.theirs.labelled:
        render.note("No labels came: what was right is not known (`POST /v2/feedback`).")


def _fell(ours: ArmFigures, theirs: ArmFigures) -> list[tuple[str, tuple[object, object]]]:
    return [
        ("requests", (ours.requests, theirs.requests)),
        ("answered itself", (ours.answered, theirs.answered)),
        ("compared", (ours.compared, theirs.compared)),
        ("with a label", (ours.labelled, theirs.labelled)),
        ("median latency, ms", (ours.latency_p50_ms, theirs.latency_p50_ms)),
        ("99 of 100 within, ms", (ours.latency_p99_ms, theirs.latency_p99_ms)),
    ]


def _row(share: ComparedShare, positive: str) -> tuple[object, ...]:
    named = {"positive": f"told {positive!r}", "wrong": "wrong, by the label", "missed": f"{positive!r} missed"}[share.measure]
    group = "" if share.column is None else f"{share.column} = {share.group}"
    sides = [(None, None) if side is None else (f"{side.value:.1%}", side.n) for side in (share.ours, share.theirs)]
    return (named, group, *sides[0], *sides[1], None if share.difference is None else _difference(share.difference))


def _share(of: Measurement) -> str:
    return f"{of.value:.1%} [{of.low:.1%}, {of.high:.1%}]"


def _difference(of: Measurement) -> str:
    told = f"{of.value:+.1%} [{of.low:+.1%}, {of.high:+.1%}]"
    return f"{told} ●" if _leaves_0_out(of) else told


def _leaves_0_out(of: Measurement) -> bool:
    return not of.low <= 0.0 <= of.high
