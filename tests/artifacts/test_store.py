"""The store's promises, on a folder and on an object store."""

from __future__ import annotations

import errno
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.errors import MalformedRecord, Unavailable, UnknownName
from lifecycle.records.record import digest_of

ABSENT = "sha256:" + "0" * 64


@pytest.fixture(params=["a path", "file:", "memory:"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """Each kind of store: they must not differ in what they promise."""
    url = {
        "a path": str(tmp_path / "artifacts with spaces"),
        "file:": (tmp_path / "artifacts with spaces").as_uri(),
        "memory:": f"memory://{uuid.uuid4().hex}",
    }[request.param]
    return ArtifactStore(url, cache=tmp_path / "cache")


def test_what_was_put_comes_back(any_store: ArtifactStore) -> None:
    """The digest of the bytes is all that is needed to get them back."""
    digest = any_store.put(b"weights")
    assert digest == digest_of(b"weights")
    assert any_store.read(digest) == b"weights"
    assert any_store.fetch(digest).read_bytes() == b"weights"


def test_a_file_is_stored_as_its_bytes_are(any_store: ArtifactStore, tmp_path: Path) -> None:
    """A file and its bytes have one digest, however many chunks it takes to read it."""
    content = os.urandom(3 * (1 << 20) + 17)
    (tmp_path / "file").write_bytes(content)
    assert any_store.put_file(tmp_path / "file") == any_store.put(content)
    assert any_store.read(digest_of(content)) == content


def test_putting_twice_changes_nothing(any_store: ArtifactStore) -> None:
    """A retried step stores nothing new."""
    first = any_store.put(b"once")
    before = any_store.fetch(first).stat().st_mtime_ns
    assert any_store.put(b"once") == first
    assert any_store.fetch(first).stat().st_mtime_ns == before


def test_an_absent_artifact_is_named(any_store: ArtifactStore) -> None:
    """The error of each way to read says which artifact there is none of."""
    assert not any_store.has(ABSENT)
    for read in (any_store.read, any_store.fetch):
        with pytest.raises(UnknownName, match=ABSENT):
            read(ABSENT)


def test_has_sees_what_stands(any_store: ArtifactStore) -> None:
    """An artifact that was put is there."""
    assert any_store.has(any_store.put(b"here"))


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:../../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 64, ABSENT + "\n"])
def test_what_is_no_digest_never_becomes_a_path(any_store: ArtifactStore, text: str) -> None:
    """A text that is not a digest is refused before it reaches the file system."""
    for ask in (any_store.read, any_store.fetch, any_store.has):
        with pytest.raises(MalformedRecord, match="is not a digest"):
            ask(text)


@given(content=st.binary(max_size=4096))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_survive(store: ArtifactStore, content: bytes) -> None:
    """No content is special: not empty bytes, not bytes that look like a path."""
    assert store.read(store.put(content)) == content


def test_many_writers_of_one_artifact_agree(store: ArtifactStore) -> None:
    """Writers that store the same bytes at once all succeed, and leave one file and no leftovers."""
    content = os.urandom(1 << 16)
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(store.put, [content] * 32))
    folder = store.fetch(digest_of(content)).parent
    assert digests == {digest_of(content)}
    assert [path.name for path in folder.iterdir()] == [digest_of(content).removeprefix("sha256:")]


def test_an_artifact_lies_two_folders_deep_and_read_only(store: ArtifactStore) -> None:
    """No folder grows past what a file system lists quickly, and no slip of a hand changes an artifact."""
    digest = store.put(b"x")
    name = digest.removeprefix("sha256:")
    path = store.fetch(digest)
    assert path.parts[-4:] == ("sha256", name[:2], name[2:4], name)
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_bad_copy_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    """The cache is no evidence: what went bad in it is replaced by what the store holds."""
    store = ArtifactStore(f"memory://{uuid.uuid4().hex}", cache=tmp_path)
    digest = store.put(b"right")
    cached = store.fetch(digest)
    cached.chmod(0o644)
    cached.write_bytes(b"wrong")
    assert store.fetch(digest).read_bytes() == b"right"


def test_a_full_disk_leaves_nothing_behind(store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fills up, the artifact is absent, its temporary file is gone, and the error says what to do."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="no space left") as caught:
            store.put(b"too much")
    assert "Make room" in caught.value.next_step
    assert not store.has(digest_of(b"too much"))
    assert [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == []


def test_an_unwritable_store_says_so(tmp_path: Path) -> None:
    """A store whose place is taken by a file is unavailable, and the error names it."""
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(Unavailable, match="taken"):
        ArtifactStore(str(tmp_path / "taken"), cache=tmp_path / "cache").put(b"x")


def test_a_store_of_an_unknown_kind_is_unavailable(tmp_path: Path) -> None:
    """A URL that fsspec can't serve ends as an error of ours and not of fsspec's."""
    with pytest.raises(Unavailable, match="nowhere://"):
        ArtifactStore("nowhere://bucket", cache=tmp_path)


def test_what_is_erased_is_gone_from_the_store_and_the_cache(any_store: ArtifactStore, tmp_path: Path) -> None:
    """No file of either has the bytes afterwards, and asking for them names what is missing."""
    digest = any_store.put(b"a personal value")
    any_store.fetch(digest)
    any_store.erase(digest)
    assert not any_store.has(digest)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"personal" in path.read_bytes()]
    with pytest.raises(UnknownName, match=digest):
        any_store.read(digest)


def test_erasing_takes_what_a_killed_write_left_with_it(store: ArtifactStore, tmp_path: Path) -> None:
    """A process that was killed while it wrote leaves a part of the bytes beside their place."""
    digest = store.put(b"a personal value")
    place = store.fetch(digest)
    place.with_name(f".{place.name}.0123456789abcdef").write_bytes(b"a personal val")
    store.erase(digest)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_erasing_what_is_not_there_does_nothing(any_store: ArtifactStore) -> None:
    """An erasure that was interrupted can be run again."""
    kept = any_store.put(b"kept")
    any_store.erase(ABSENT)
    assert any_store.read(kept) == b"kept"
