"""The file that declares a cluster's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lifecycle.cli.gateway import gateway
from lifecycle.errors import InvalidDeclaration
from lifecycle.serving.targets.declaration import declared_target
from lifecycle.serving.targets.workloads import Deployments, InferenceServices
from tests.kubernetes.controller import TARGET


@pytest.mark.parametrize(("kind", "workload"), [("deployments", Deployments), ("kserve", InferenceServices)])
def test_a_kind_is_what_versions_run_as(kind: str, workload: type, tmp_path: Path) -> None:
    """Deployments, or InferenceServices; of the image and the volume that are declared."""
    file = tmp_path / "target.yaml"
    file.write_text(yaml.safe_dump({**TARGET, "kind": kind}))
    made = declared_target(file).workload()
    assert isinstance(made, workload)
    assert (made.template.image, made.template.claim) == (TARGET["image"], TARGET["claim"])


@pytest.mark.parametrize(
    "wrong", [{"kind": "swarm"}, {"namespace": "Not_A_Name"}, {"replicas": 0}, {"packages": "../keys"}, {"cpus": "2"}, {"memory": "much"}]
)
def test_a_mistake_is_told_with_its_file(wrong: dict[str, Any], tmp_path: Path) -> None:
    """A key that is not known, a name that no cluster takes, a folder outside of the volume's."""
    file = tmp_path / "target.yaml"
    file.write_text(yaml.safe_dump({**TARGET, **wrong}))
    with pytest.raises(InvalidDeclaration, match=r"target\.yaml"):
        declared_target(file)


@pytest.mark.parametrize("options", [["--nobody", "credit", "--target"], ["--refer", "--target"]])
def test_a_gateway_is_one_thing_at_a_time(options: list[str], tmp_path: Path) -> None:
    """Two of them at once are refused before anything is made."""
    file = tmp_path / "target.yaml"
    file.write_text(yaml.safe_dump(TARGET))
    said = CliRunner().invoke(gateway, ["run", *options, str(file)])
    assert isinstance(said.exception, InvalidDeclaration)
