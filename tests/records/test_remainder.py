"""What erasures left of a dataset version."""

from __future__ import annotations

from lifecycle.records.bodies.keeping import ErasedRows, SubjectErased
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.identity import new_id
from lifecycle.records.record import digest_of
from lifecycle.records.remainder import remainder_of

THIS, OTHER = digest_of(b"this"), digest_of(b"other")
LEFT = [digest_of(bytes([number])) for number in range(4)]


def erasure(index: int, *gone: ErasedRows) -> Recorded:
    body = SubjectErased(erasure_id=new_id(), reason="x", openings=(), predictions=(), datasets=gone)
    about, actor = Subject(kind="ledger", name="ledger"), Actor(id="ada", kind="human")
    return Recorded(index=index, event=Event.happened(body, subject=about, actor=actor, environment="local"))


def rows(dataset: str, numbers: tuple[int, ...], left: str) -> ErasedRows:
    return ErasedRows(dataset_digest=dataset, rows=numbers, remaining_digest=left)


def test_nothing_erased_leaves_the_version_itself() -> None:
    """Whatever went of others."""
    left = remainder_of(THIS, [erasure(3, rows(OTHER, (1,), LEFT[0])), erasure(4)])
    assert (left.digest, left.present, left.erased, left.indexes) == (None, THIS, frozenset(), ())


def test_the_latest_erasure_says_what_is_left_and_all_of_them_what_is_gone() -> None:
    """Within one record as well, where an erasure of many rows names a version several times."""
    left = remainder_of(
        THIS,
        [
            erasure(3, rows(THIS, (1, 2), LEFT[0]), rows(OTHER, (9,), LEFT[3])),
            erasure(5, rows(OTHER, (8,), LEFT[3])),
            erasure(7, rows(THIS, (2, 5), LEFT[1]), rows(THIS, (6,), LEFT[2])),
        ],
    )
    assert (left.digest, left.present) == (LEFT[2], LEFT[2])
    assert left.erased == {1, 2, 5, 6}
    assert left.indexes == (3, 7)
