"""The bundle: what is read, what is refused by file and line, and what its digest stands for."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.policy.archive import packed
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.records.record import digest_of
from tests.policy.projects import copied, edit

PROMOTION = "policies/gates/promotion/promotion.rego"
ROLLBACK = "policies/gates/rollback/rollback.rego"
LIMITS = "limits/consumer_credit.yaml"


def test_the_document_is_the_bundle(bundle: Bundle) -> None:
    """What is stored under the digest is all that is needed to have the same bundle again."""
    again = Bundle.parse(bundle.document)
    assert digest_of(bundle.document) == bundle.digest == again.digest
    assert again.data == bundle.data


def test_any_changed_file_changes_the_digest(governance: Path, tmp_path: Path, bundle: Bundle) -> None:
    """A rule, a limit and a canary are all part of what decides."""
    for number, name in enumerate((PROMOTION, LIMITS, "policies/canaries/rollback.json")):
        copy = copied(governance, tmp_path / str(number))
        (copy / name).write_text((copy / name).read_text() + "\n")
        assert Bundle.load(copy).digest != bundle.digest


def test_tests_are_no_part_of_it(governance: Path, tmp_path: Path, bundle: Bundle) -> None:
    """A test can be added without changing what decides."""
    copy = copied(governance, tmp_path)
    (copy / "policies" / "more_test.rego").write_text("package more_test\n")
    assert Bundle.load(copy).digest == bundle.digest


def test_the_archive_is_what_a_server_loads(bundle: Bundle) -> None:
    """Modules, data, and a manifest that states the digest; the same bytes every time."""
    archive = packed(bundle)
    assert archive == packed(bundle)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as tar:
        members = {entry.name.lstrip("/"): tar.extractfile(entry) for entry in tar.getmembers()}
        manifest = members[".manifest"]
        assert manifest is not None
        assert json.load(manifest)["revision"] == bundle.digest
    assert not any(name.endswith("_test.rego") for name in members)
    assert PROMOTION in members


def test_a_syntax_error_is_named_by_file_and_line(governance: Path, tmp_path: Path) -> None:
    """A policy that does not compile says where."""
    copy = copied(governance, tmp_path)
    edit(copy, ROLLBACK, 'passed contains "RBK-002" if out_of_service', 'passed contains "RBK-002" if out_of_service ==')
    line = next(number for number, text in enumerate((copy / ROLLBACK).read_text().splitlines(), 1) if text.endswith("out_of_service =="))
    bundle = Bundle.load(copy)
    with pytest.raises(InvalidDeclaration) as refusal:
        EmbeddedEngine(bundle)
    place, _, _ = refusal.value.what.partition(" ")
    name, _, number = place.partition(":")
    assert name == ROLLBACK
    assert abs(int(number) - line) <= 1


@pytest.mark.parametrize("call", ["http.send({})", "opa.runtime()", "time.now_ns()", "rand.intn(1, 2)", "regex.match(`a`, input.x)"])
def test_what_a_policy_may_not_call_is_refused(governance: Path, tmp_path: Path, call: str) -> None:
    """The outside, the clock, chance, and what one engine gets wrong are refused before an engine starts."""
    copy = copied(governance, tmp_path)
    with (copy / ROLLBACK).open("a") as file:
        file.write(f"\nsomething := {call}\n")
    lines = len((copy / ROLLBACK).read_text().splitlines())
    with pytest.raises(InvalidDeclaration, match=rf"{ROLLBACK}:{lines} calls {call.partition('(')[0]}"):
        Bundle.load(copy)


def test_a_rule_without_an_annotation_is_refused(governance: Path, tmp_path: Path) -> None:
    """A rule that is not registered could pass or fail and nobody would know."""
    copy = copied(governance, tmp_path)
    with (copy / ROLLBACK).open("a") as file:
        file.write('\npassed contains "RBK-099" if true\n')
    with pytest.raises(InvalidDeclaration, match="RBK-099"):
        Bundle.load(copy)


def test_an_annotation_over_another_rule_is_refused(governance: Path, tmp_path: Path) -> None:
    """The annotation and the rule below it name one id."""
    copy = copied(governance, tmp_path)
    edit(copy, ROLLBACK, 'passed contains "RBK-004" if', 'passed contains "RBK-003" if')
    with pytest.raises(InvalidDeclaration, match="RBK-004"):
        Bundle.load(copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("severity: critical", "severity: grave"),
        ("#   fix: Choose a version that was not revoked.\n", ""),
        ("title: The target was not revoked", "title: 7"),
    ],
)
def test_an_annotation_that_says_too_little_is_refused(governance: Path, tmp_path: Path, old: str, new: str) -> None:
    """Severity, message and the way out are required, and typed."""
    copy = copied(governance, tmp_path)
    edit(copy, ROLLBACK, old, new)
    with pytest.raises(InvalidDeclaration, match=r"rollback\.rego:\d+"):
        Bundle.load(copy)


def test_a_gate_that_applies_nothing_is_refused(governance: Path, tmp_path: Path) -> None:
    """A gate with no rules would have nothing to fail."""
    copy = copied(governance, tmp_path)
    edit(copy, ROLLBACK, "applies: [gov.rollback]", "applies: [gov.elsewhere]")
    with pytest.raises(InvalidDeclaration, match=r"gov\.elsewhere"):
        Bundle.load(copy)


def test_a_gate_without_a_canary_is_refused(governance: Path, tmp_path: Path) -> None:
    """Nobody could tell whether it answers."""
    copy = copied(governance, tmp_path)
    (copy / "policies" / "canaries" / "rollback.json").unlink()
    with pytest.raises(InvalidDeclaration, match="rollback have no canary"):
        Bundle.load(copy)


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    """An empty folder is not a policy that allows everything."""
    with pytest.raises(InvalidDeclaration, match="no policies"):
        Bundle.load(tmp_path)


def test_a_stored_bundle_that_is_none_is_refused() -> None:
    """Bytes that are not a bundle are not read as one."""
    with pytest.raises(MalformedRecord):
        Bundle.parse(b'{"files": {"policies/a.rego": 7}}')
