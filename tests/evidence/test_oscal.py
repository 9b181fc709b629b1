"""OSCAL: assessment results and catalogs that compliance-trestle reads, with evidence that can be looked up."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.evidence.controls import Framework
from lifecycle.evidence.coverage import Coverage, coverage
from lifecycle.evidence.oscal import RESULTS, control_id, oscal
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.looking import LookingLedger
from lifecycle.life.signing import sign
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.proofs.tlog_proof import TlogProof
from tests.ledger.happenings import trained
from tests.lineage import lives
from tests.scenarios.homes import PROJECT, departments_at


@pytest.fixture
def found(ledger: Ledger, frameworks: tuple[Framework, ...]) -> Coverage:
    return coverage(ledger, frameworks, "credit", 1)


def documents(found: Coverage) -> dict[str, Any]:
    return {name: json.loads(content) for name, content in oscal(found, "proofs/{}".format).items()}


def test_trestle_reads_the_results_and_every_catalog(found: Coverage, tmp_path: Path) -> None:
    """The field's own tool takes them as OSCAL, and finds no id twice."""
    with warnings.catch_warnings():
        # trestle builds on parts of pydantic that are on their way out; that is its own business.
        warnings.simplefilter("ignore")
        from trestle.core.duplicates_validator import DuplicatesValidator
        from trestle.oscal.assessment_results import AssessmentResults
        from trestle.oscal.catalog import Catalog

        for name, content in oscal(found, "proofs/{}".format).items():
            (tmp_path / name).write_bytes(content)
        results = AssessmentResults.oscal_read(tmp_path / RESULTS)
        assert results is not None
        assert DuplicatesValidator().model_is_valid(results, True)
        for framework in found.frameworks:
            catalog = Catalog.oscal_read(tmp_path / f"catalog-{framework.framework}.json")
            assert isinstance(catalog, Catalog)
            assert len(catalog.controls or []) == len(framework.clauses)


def test_trestle_refuses_what_is_no_oscal(found: Coverage, tmp_path: Path) -> None:
    """The judge can say no: results without a plan are not results."""
    broken = documents(found)[RESULTS]
    del broken["assessment-results"]["import-ap"]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trestle.common.err import TrestleError
        from trestle.oscal.assessment_results import AssessmentResults

        with pytest.raises(TrestleError, match="import"):
            AssessmentResults.oscal_read(tmp_path / "broken.json")


def test_every_clause_is_observed_and_every_gap_alone_is_a_finding(found: Coverage) -> None:
    """Nothing is ever said to be satisfied: that is for whoever reads the evidence."""
    results = documents(found)[RESULTS]["assessment-results"]["results"]
    observations = [one for result in results for one in result["observations"]]
    findings = [one for result in results for one in result.get("findings", [])]
    assert len(observations) == len(found.clauses)
    assert len(findings) == sum(covered.status == "gap" for covered in found.clauses)
    assert {one["target"]["status"]["state"] for one in findings} == {"not-satisfied"}
    by_id = {one["uuid"]: one for one in observations}
    assert all(by_id[related["observation-uuid"]]["types"] == ["finding"] for one in findings for related in one["related-observations"])


def test_evidence_points_to_the_leaves_that_the_coverage_cites(found: Coverage) -> None:
    """One href a leaf, and no other."""
    results = documents(found)[RESULTS]["assessment-results"]["results"]
    cited = {
        evidence["href"]
        for result in results
        for observation in result["observations"]
        for evidence in observation.get("relevant-evidence", [])
        if "href" in evidence
    }
    assert cited == {f"proofs/{index}" for index in found.indexes}


def test_every_control_that_is_reviewed_or_targeted_stands_in_a_catalog(found: Coverage, frameworks: tuple[Framework, ...]) -> None:
    """Ids and objectives resolve within the files that are written together, and no two clauses share an id."""
    files = documents(found)
    catalogs = [content["catalog"]["controls"] for name, content in files.items() if name != RESULTS]
    controls = [control["id"] for listed in catalogs for control in listed]
    objectives = {part["id"] for listed in catalogs for control in listed for part in control["parts"]}
    assert len(controls) == len(set(controls)) == sum(len(framework.clauses) for framework in frameworks)
    for result in files[RESULTS]["assessment-results"]["results"]:
        (selection,) = result["reviewed-controls"]["control-selections"]
        assert {one["control-id"] for one in selection["include-controls"]} <= set(controls)
        assert {one["target"]["target-id"] for one in result.get("findings", [])} <= objectives


def test_a_clause_with_parentheses_becomes_a_token(frameworks: tuple[Framework, ...]) -> None:
    """OSCAL's ids are tokens; the clause's own name stays as its label."""
    act = next(one for one in frameworks if one.framework == "eu_ai_act")
    clause = next(one for one in act.clauses if one.id == "9(2)(a)")
    assert control_id(act, clause) == "eu_ai_act_9.2.a"


def test_the_same_ledger_gives_the_same_bytes(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """No clock and no chance is in it."""
    first = oscal(coverage(ledger, frameworks, "credit", 1), "proofs/{}".format)
    assert oscal(coverage(ledger, frameworks, "credit", 1), "proofs/{}".format) == first


def test_another_version_gets_ids_of_its_own(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """Two documents that are read together do not overwrite each other."""

    def ids(version: int) -> set[str]:
        (document,) = [documents(coverage(ledger, frameworks, "credit", version))[RESULTS]["assessment-results"]]
        return {document["uuid"], *(one["uuid"] for result in document["results"] for one in result["observations"])}

    assert not ids(1) & ids(3)


def test_a_framework_without_gaps_has_no_findings(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """OSCAL takes no empty list."""
    soc2 = tuple(one for one in frameworks if one.framework == "soc2")
    (result,) = documents(coverage(ledger, soc2))[RESULTS]["assessment-results"]["results"]
    assert "findings" not in result


# The command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose ledger holds a whole life, signed."""
    departments = departments_at(tmp_path / "home")
    with departments.ledger.writing() as writer:
        writer.append_all([one.event for one in lives.whole_life().recorded])
    sign(departments)
    departments.ledger.close()
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(departments.settings.home))
    return departments.settings.home


def test_the_command_writes_the_leaves_and_proofs_that_the_results_point_to(home: Path, tmp_path: Path) -> None:
    """Each href is a file there; each proof is that of the leaf beside it."""
    out = tmp_path / "out"
    assert main.run(["evidence", "oscal", "--model", "credit", "--version", "1", "--out", str(out)]) == 0
    results = json.loads((out / RESULTS).read_bytes())["assessment-results"]["results"]
    evidence = [one for result in results for seen in result["observations"] for one in seen.get("relevant-evidence", [])]
    hrefs = {one["href"] for one in evidence if "href" in one}
    assert hrefs
    with LookingLedger(f"sqlite:///{home / 'ledger' / 'ledger.db'}", origin="lifecycle.local/ledger") as ledger:
        for href in hrefs:
            proof = TlogProof.parse((out / href).read_text(encoding="utf-8"))
            leaf = (out / "leaves" / f"{proof.index}.json").read_bytes()
            assert leaf_hash(leaf) == leaf_hash(ledger.stored(proof.index))


def test_records_that_nobody_signed_yet_are_not_pointed_to(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A proof needs a ledger checkpoint; the error says how to get one."""
    departments = departments_at(home)
    departments.ledger.append(trained(9, model="late"))
    departments.ledger.close()
    assert main.run(["evidence", "oscal", "--out", str(tmp_path / "out")]) == 5
    assert "lifecycle ledger checkpoint" in capsys.readouterr().err
