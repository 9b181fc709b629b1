"""Graphs of any shape, for properties: no life that the demo lives is as odd as these."""

from __future__ import annotations

from hypothesis import strategies as st

from lifecycle.lineage.graph import Activity, Edge, Entity, Graph
from lifecycle.records.events import Actor
from lifecycle.records.record import INTEGER_BOUND

#: Text that a label or a reason may be: quotes, colons, slashes, any script. No control characters: those are refused as prose.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
#: The second half of an id: after a kind it may hold what ids of ours hold, and worse.
TAILS = st.text(st.sampled_from("abc019-_:. %+é"), min_size=1, max_size=12)
ENTITY_KINDS = st.sampled_from(("dataset", "version", "model", "source", "report", "bundle", "statement", "predictions", "odd_one"))
ACTIVITY_KINDS = st.sampled_from(("ingestion", "training", "evaluation", "approval", "rollout", "hold", "odd_deed"))
DIGESTS = st.one_of(st.none(), st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True))
INDEXES = st.integers(min_value=0, max_value=INTEGER_BOUND - 1)
#: To the end of the year 9999, where RFC 3339 ends.
MOMENTS = st.integers(min_value=0, max_value=min(INTEGER_BOUND - 1, 253_402_300_799_999_999))
ENDED = st.sampled_from(("complete", "failed", "aborted", "allow", "deny", "needs_approval", "breached"))
FACTS = st.dictionaries(
    st.one_of(NAMES, st.sampled_from(("model", "outcome", "environment", "run", "reason", "kind"))),
    st.one_of(TEXT, st.booleans(), st.none(), st.integers(-9, 9), st.floats(-1, 1), st.lists(TEXT, max_size=2)),
    max_size=3,
)
ACTORS = st.builds(
    Actor,
    id=st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True),
    kind=st.sampled_from(("human", "service", "team")),
    authenticated=st.booleans(),
)


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    kind = draw(ACTIVITY_KINDS)
    started = draw(MOMENTS)
    ended = draw(st.one_of(st.none(), st.integers(min_value=started, max_value=253_402_300_799_999_999)))
    indexes = draw(st.lists(INDEXES, min_size=1, max_size=4, unique=True).map(sorted))
    return Activity(
        id=f"{kind}/{draw(TAILS)}",
        kind=kind,
        label=draw(TEXT),
        model=draw(TEXT),
        environment=draw(NAMES),
        actor=draw(ACTORS),
        started_us=started,
        ended_us=ended,
        outcome="open" if ended is None else draw(ENDED),
        indexes=tuple(indexes),
        event_ids=tuple(f"event-{index}" for index in indexes),
        run_id=draw(st.one_of(st.none(), st.uuids().map(str))),
        facts=draw(FACTS),
    )


@st.composite
def entities(draw: st.DrawFn) -> Entity:
    kind = draw(ENTITY_KINDS)
    return Entity(f"{kind}/{draw(TAILS)}", kind, draw(TEXT), draw(DIGESTS), draw(INDEXES), draw(FACTS))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph in which every entity has a part in some activity, and an activity may follow one that is missing."""
    deeds = {one.id: one for one in draw(st.lists(activities(), max_size=5))}
    things = {one.id: one for one in draw(st.lists(entities(), max_size=6))} if deeds else {}
    edges: dict[tuple[str, str, str, str], Edge] = {}

    def join(activity: str, relation: str, other: str) -> None:
        edge = Edge(activity, relation, other, draw(NAMES), draw(INDEXES))  # type: ignore[arg-type]  # drawn from the three
        edges[edge.activity, edge.relation, edge.other, edge.role] = edge

    for thing in things:
        for deed in draw(st.lists(st.sampled_from(sorted(deeds)), min_size=1, max_size=3)):
            join(deed, draw(st.sampled_from(("used", "generated"))), thing)
    for deed in sorted(deeds):
        before = st.one_of(st.sampled_from(sorted(deeds)), TAILS.map(lambda tail: f"decision/{tail}"))
        for other in draw(st.lists(before, max_size=2)):
            if other != deed:
                join(deed, "followed", other)
    return Graph(entities=things, activities=deeds, edges=tuple(edges.values()))
