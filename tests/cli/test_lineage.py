"""`lifecycle lineage` on a home of its own, with a real ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.ledger.ledger import Ledger
from tests.lineage import lives
from tests.lineage.receivers import receiver
from tests.lineage.signers import PRIVATE_PEM, SIGNER
from tests.scenarios.homes import copy_of_home_at_the_gate


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the whole life in its ledger."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    folder = tmp_path / ".lifecycle"
    (folder / "ledger").mkdir(parents=True)
    with Ledger.open(f"sqlite:///{folder / 'ledger' / 'ledger.db'}", origin="lifecycle.local/ledger") as ledger, ledger.writing() as writer:
        writer.append_all([one.event for one in lives.whole_life().recorded])
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints on standard output (on standard error where it must fail)."""
    assert main.run(arguments) == code
    shown = capsys.readouterr()
    return shown.err if code else shown.out


@pytest.mark.usefixtures("home")
def test_show_draws_the_life_of_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The tree has the data, the approval and the rollout, and says where the version serves."""
    tree = answer(capsys, "lineage", "show", "credit:1")
    assert "serving in local" in tree
    for line in ("ingested from credit_applications.csv", "approved by rita", "rollout 10 % → 50 % → 100 %"):
        assert line in tree


@pytest.mark.usefixtures("home")
def test_show_says_the_same_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` has the states, what is missing, the ledger's size and the graph around the version."""
    found = json.loads(answer(capsys, "lineage", "show", "credit:3", "--json"))
    assert (found["states"], found["missing"]) == ({"local": "rolled_back"}, [])
    assert found["ledger"]["size"] == len(lives.whole_life().recorded)
    assert "training/training-3" in found["graph"]["activities"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("named", ["credit", "credit:0", ":1", "credit:x"])
def test_what_names_no_version_is_refused_with_the_form(capsys: pytest.CaptureFixture[str], named: str) -> None:
    """A version is MODEL:NUMBER."""
    assert "such as credit:7" in answer(capsys, "lineage", "show", named, code=2)


@pytest.mark.usefixtures("home")
def test_an_unknown_version_lists_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the versions of the model."""
    assert "credit:1, credit:2, credit:3" in answer(capsys, "lineage", "show", "credit:9", code=2)


@pytest.mark.usefixtures("home")
def test_export_prints_or_writes_the_same_bytes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """To a folder or to standard output, the export is one and the same."""
    printed = answer(capsys, "lineage", "export", "--format", "prov", "--model", "credit", "--version", "1")
    answer(capsys, "lineage", "export", "--format", "prov", "--model", "credit", "--version", "1", "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "credit-1.prov.json").read_text().strip() == printed.strip()


def test_in_toto_is_signed_by_the_key_that_signs_models_or_by_the_one_named(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without either there is an error that says what to do; no key is made for an export."""
    export = ("lineage", "export", "--format", "in-toto", "--model", "credit", "--version", "1")
    assert "--key" in answer(capsys, *export, code=2)
    assert not (home / "keys").exists()
    (tmp_path / "auditor.key").write_bytes(PRIVATE_PEM)
    named = answer(capsys, *export, "--key", str(tmp_path / "auditor.key"))
    (home / "keys").mkdir()
    (home / "keys" / "signing.key").write_bytes(PRIVATE_PEM)
    assert answer(capsys, *export) == named
    assert {json.loads(line)["signatures"][0]["keyid"] for line in named.splitlines()} == {SIGNER.key_id}


@pytest.mark.usefixtures("home")
def test_what_is_no_key_signs_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 2: text, and a key of another kind."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    other = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"no key", other):
        (tmp_path / "some.key").write_bytes(content)
        assert "P-256" in answer(capsys, "lineage", "export", "--format", "in-toto", "--key", str(tmp_path / "some.key"), code=2)


@pytest.mark.usefixtures("home")
def test_a_card_and_the_data_are_described_from_the_ledger(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """To standard output or to a folder, the same bytes; the store may be gone, and the card says what the ledger still says."""
    printed = answer(capsys, "lineage", "card", "credit:1")
    assert "# credit:1" in printed
    answer(capsys, "lineage", "card", "credit:1", "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "credit-1.md").read_text() == printed
    described = json.loads(answer(capsys, "lineage", "croissant", "credit"))
    assert described["conformsTo"][0] == "http://mlcommons.org/croissant/1.0"
    assert "no artifact" in answer(capsys, "lineage", "croissant", "credit", "--with-rows", "--out", str(tmp_path / "out"), code=2)


@pytest.mark.usefixtures("home")
def test_what_there_is_not_can_not_be_described(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what there is; rows are not printed on a terminal."""
    assert "credit:1, credit:2, credit:3" in answer(capsys, "lineage", "card", "credit:9", code=2)
    assert "no dataset" in answer(capsys, "lineage", "croissant", "churn", code=2)
    assert "--with-rows needs --out" in answer(capsys, "lineage", "croissant", "credit", "--with-rows", code=2)


@pytest.mark.usefixtures("home")
def test_send_says_what_was_taken_and_what_was_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 where something was refused; the same as JSON; nothing to send the second time."""
    assert "LIFECYCLE_OPENLINEAGE_URL" in answer(capsys, "lineage", "send", code=2)
    with receiver(lambda request, count: (422, {}) if count == 2 else (201, {})) as receiving:
        monkeypatch.setenv("LIFECYCLE_OPENLINEAGE_URL", receiving.url)
        assert main.run(["lineage", "send"]) == 1
        assert "refused: COMPLETE of record 0, HTTP 422 what it said" in capsys.readouterr().out
        told = json.loads(answer(capsys, "lineage", "send", "--json"))
        assert f"it knows all of the ledger, {told['size']} records." in answer(capsys, "lineage", "send")
    size = len(lives.whole_life().recorded)
    assert told == {"url": f"{receiving.url}/api/v1/lineage", "accepted": 0, "refused": [], "next_index": size, "size": size, "waiting": 0}


@pytest.mark.usefixtures("home")
def test_the_key_of_one_receiver_is_not_shown_to_another(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With --url, another receiver than that of the settings gets no key."""
    monkeypatch.setenv("LIFECYCLE_OPENLINEAGE_URL", "https://lineage.example.org")
    monkeypatch.setenv("LIFECYCLE_OPENLINEAGE_API_KEY", "secret")
    with receiver() as receiving:
        answer(capsys, "lineage", "send", "--url", receiving.url)
    assert receiving.taken
    assert all("Authorization" not in one.headers for one in receiving.taken)


@pytest.mark.usefixtures("home")
def test_a_version_without_its_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` alone names nothing."""
    assert "--version needs --model" in answer(capsys, "lineage", "export", "--format", "prov", "--version", "1", code=2)


@pytest.mark.usefixtures("home")
def test_a_folder_that_can_not_be_written_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 5: a file stands where the folder should be."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_text("")
    assert "can't be written" in answer(
        capsys, "lineage", "export", "--format", "prov", "--out", str(tmp_path / "out" / "deep" / "er"), code=5
    )


@pytest.mark.slow
def test_a_package_that_is_handed_on_is_verified_without_lifecycle(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """OpenSSF's own tool takes the folder as it was written, and not with one byte changed."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(departments.settings.project))
    monkeypatch.setenv("LIFECYCLE_HOME", str(departments.settings.home))
    answer(capsys, "lineage", "package", "credit:1", "--out", str(tmp_path / "out"))

    def judge() -> int:
        verify = [sys.executable, "-m", "model_signing", "verify", "key", "model", "--signature", "signature.json"]
        verify += ["--public_key", "signing.pub"]
        return subprocess.run(verify, cwd=tmp_path / "out", capture_output=True, timeout=120, check=False).returncode

    assert judge() == 0
    weights = tmp_path / "out" / "model" / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert judge() != 0
