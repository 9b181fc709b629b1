"""The files of deployments/ are taken by the programs that they are for."""

from __future__ import annotations

import configparser
import re
import shutil
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
UNITS = sorted((REPOSITORY / "deployments" / "local" / "systemd").glob("*.service"))
MANIFESTS = sorted((REPOSITORY / "deployments").rglob("*.yaml"))


def test_dagster_takes_the_local_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is looked at every second, nothing is sent home, and no invitation stands in front of the pages."""
    import dagster as dg

    shutil.copy(REPOSITORY / "deployments" / "local" / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert getattr(instance.run_coordinator, "dequeue_interval_seconds", None) == 1
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


def service_of(unit: Path) -> dict[str, list[str]]:
    """The values of every key of a unit's [Service]; systemd lets a key stand several times."""
    section = unit.read_text(encoding="utf-8").partition("[Service]")[2].partition("[Install]")[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def folders_written(service: dict[str, list[str]]) -> set[Path]:
    """The folders that a unit's process writes: its homes, the ledger's, and those of the files named on its command line."""
    told = dict(word.split("=", 1) for line in service.get("Environment", []) for word in line.split())
    homes = {Path(told[name]) for name in ("LIFECYCLE_HOME", "DAGSTER_HOME") if name in told}
    key = re.findall(r"--(?:key|state) (\S+)", service["ExecStart"][0])
    ledger = [told["LIFECYCLE_LEDGER_URL"].removeprefix("sqlite:///")] if "LIFECYCLE_LEDGER_URL" in told else []
    signs = ["/var/lib/lifecycle-ledger/ledger.db"] if "lifecycle.ledger.signer" in service["ExecStart"][0] else []
    return homes | {Path(file).parent for file in (*key, *ledger, *signs)}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_can_write_what_it_writes_and_nothing_of_another_users(unit: Path) -> None:
    """Each folder lies in the unit's own state or is opened to it by name, and in no private state of somebody else."""
    service = service_of(unit)
    owners = {Path("/var/lib") / found["StateDirectory"][0]: found["User"][0] for found in map(service_of, UNITS)}
    own = {Path("/var/lib") / service["StateDirectory"][0]}
    opened = {Path(word.removeprefix("-")) for line in service.get("ReadWritePaths", []) for word in line.split()}
    for folder in folders_written(service):
        assert {folder, *folder.parents} & (own | opened), f"{folder} can't be written"
        private = {user for state, user in owners.items() if state in (folder, *folder.parents)}
        assert private <= set(service["User"]), f"{folder} is private to {private}"


def test_whoever_shares_the_ledger_is_in_its_group() -> None:
    """The ledger's folder is open to one group, and every unit that writes it is in that."""
    sharing = [service for service in map(service_of, UNITS) if "ReadWritePaths" in service]
    assert len(sharing) == 4
    for service in sharing:
        assert "lifecycle-ledger" in (*service.get("Group", ()), *service.get("SupplementaryGroups", ()))


def test_the_signer_gets_the_url_where_no_list_of_processes_shows_it() -> None:
    """A URL may hold a password: it comes by standard input."""
    service = service_of(REPOSITORY / "deployments" / "local" / "systemd" / "lifecycle-signer.service")
    assert "--database - " in service["ExecStart"][0]
    assert service["StandardInput"] == ["file:/etc/lifecycle/ledger-url"]
    assert "URL" not in service["ExecStart"][0]


def test_the_gateway_of_the_cluster_listens_where_its_service_looks() -> None:
    """The port that it is told, the port of the container and that of the probes are one."""
    documents = yaml.safe_load_all((REPOSITORY / "deployments" / "kubernetes" / "gateway.yaml").read_text(encoding="utf-8"))
    (container,) = next(documents)["spec"]["template"]["spec"]["containers"]
    told = {entry["name"]: entry["value"] for entry in container["env"]}
    assert [told["LIFECYCLE_GATEWAY_PORT"]] == [str(port["containerPort"]) for port in container["ports"]]


def test_the_settings_of_the_cluster_are_settings_that_are_taken() -> None:
    """Each is one that the library knows, and the policy server is asked over HTTPS, which is all that its adapter permits."""
    documents = yaml.safe_load_all((REPOSITORY / "deployments" / "kubernetes" / "settings.yaml").read_text(encoding="utf-8"))
    settings = next(documents)["data"]
    page = (REPOSITORY / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in settings)
    assert settings["LIFECYCLE_OPA_URL"].startswith("https://")


def test_the_signer_is_started_with_options_that_it_has() -> None:
    """Each option of the unit is one that the signer takes."""
    import subprocess
    import sys

    text = (REPOSITORY / "deployments" / "local" / "systemd" / "lifecycle-signer.service").read_text(encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "lifecycle.ledger.signer", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    options = re.findall(r"--[a-z-]+", next(line for line in text.splitlines() if line.startswith("ExecStart=")))
    assert options
    assert [option for option in options if option not in shown.stdout] == []


def test_the_witness_is_started_with_options_that_it_has() -> None:
    """Each option of the unit is one that the witness takes, and what watches a ledger can't write it."""
    import subprocess
    import sys

    service = service_of(REPOSITORY / "deployments" / "local" / "systemd" / "lifecycle-witness.service")
    command = [sys.executable, "-m", "lifecycle.witness", "run", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert set(re.findall(r"--[a-z-]+", service["ExecStart"][0])) <= set(re.findall(r"--[a-z-]+", shown))
    assert "ReadWritePaths" not in service
    assert service["User"] == ["lifecycle-witness"]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.name)
def test_a_file_of_yaml_is_yaml(manifest: Path) -> None:
    """Every document in it is a mapping."""
    assert {type(document) for document in yaml.safe_load_all(manifest.read_text(encoding="utf-8"))} == {dict}


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
