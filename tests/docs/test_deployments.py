"""The files of deployments/ are taken by the programs that they are for."""

from __future__ import annotations

import configparser
import shutil
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
UNITS = sorted((REPOSITORY / "deployments" / "local" / "systemd").glob("*.service"))
MANIFESTS = sorted((REPOSITORY / "deployments").rglob("*.yaml"))


def test_dagster_takes_the_local_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is looked at every second, one training at a time holds the accelerator, nothing is sent home, and no
    invitation stands in front of the pages."""
    import dagster as dg

    shutil.copy(REPOSITORY / "deployments" / "local" / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert getattr(instance.run_coordinator, "dequeue_interval_seconds", None) == 1
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
        assert instance.run_monitoring_enabled
        assert instance.telemetry_enabled is False
        assert instance.nux_enabled is False


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_confined(unit: Path) -> None:
    """Each service runs as a user of its own, restarts, gains no privileges and writes only its state."""
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parsed.read(unit, encoding="utf-8")
    service = parsed["Service"]
    assert service["User"].startswith("lifecycle")
    assert service["Restart"] == "always"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["UMask"] == "0077"


def test_the_pages_are_read_only_and_on_loopback() -> None:
    """Dagster's pages know nobody, so that nobody reaches them but a proxy."""
    text = (REPOSITORY / "deployments" / "local" / "systemd" / "lifecycle-pages.service").read_text(encoding="utf-8")
    assert "-h 127.0.0.1" in text
    assert "--read-only" in text


def test_the_signer_is_started_with_options_that_it_has() -> None:
    """Each option of the unit is one that the signer takes."""
    import re
    import subprocess
    import sys

    text = (REPOSITORY / "deployments" / "local" / "systemd" / "lifecycle-signer.service").read_text(encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "lifecycle.ledger.signer", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    for option in re.findall(r"--[a-z-]+", next(line for line in text.splitlines() if line.startswith("ExecStart="))):
        assert option in shown.stdout


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.name)
def test_a_file_of_yaml_is_yaml(manifest: Path) -> None:
    """Every document in it is a mapping."""
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(manifest.read_text(encoding="utf-8")))


def test_no_file_holds_a_secret() -> None:
    """Credentials are named, never written down."""
    for manifest in MANIFESTS:
        for document in yaml.safe_load_all(manifest.read_text(encoding="utf-8")):
            assert document.get("kind") != "Secret"


def test_the_image_holds_what_a_project_is_made_of() -> None:
    """The four things of a project, the lock, and an ordinary user."""
    text = (REPOSITORY / "deployments" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    for needed in ("COPY workspace.yaml", "COPY assets", "COPY resources", "COPY governance", "--require-hashes", "USER 10001"):
        assert needed in text
