"""The bundle as a file: signed, verified by us and by the real OPA, and void with any byte changed."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.errors import InvalidDeclaration, LifecycleError, MalformedRecord, Refused, Tampered, Unavailable
from lifecycle.policy.archive import create_key, packed, read_archive, read_private_key, read_public_key, unpacked
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.comparing import changes
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.server import ServerEngine
from tests.policy import server
from tests.policy.projects import copied, edit
from tests.policy.questions import NOBODY_DIGEST, good


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The private key; its public half lies beside it as policy.pub."""
    file = tmp_path_factory.mktemp("keys") / "policy.key"
    create_key(file)
    return file


@pytest.fixture(scope="module")
def signed(bundle: Bundle, keys: Path) -> bytes:
    return packed(bundle, read_private_key(keys))


def members_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as tar:
        return {entry.name: file.read() for entry in tar if (file := tar.extractfile(entry)) is not None}


def archive_of(members: dict[str, bytes], *more: tuple[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        for name, content in (*members.items(), *more):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def test_what_was_signed_is_read_back(bundle: Bundle, signed: bytes, keys: Path) -> None:
    """The same bundle, by its digest; and without a signature only where no key is asked for."""
    key = read_public_key(keys.with_suffix(".pub"))
    assert unpacked(signed, key).digest == bundle.digest
    assert unpacked(packed(bundle), None).digest == bundle.digest
    with pytest.raises(Tampered, match="not signed"):
        unpacked(packed(bundle), key)


def test_another_key_does_not_count(signed: bytes, tmp_path: Path) -> None:
    """Whoever signs with a key of their own is found."""
    with pytest.raises(Tampered, match="trusted key"):
        unpacked(signed, create_key(tmp_path / "another.key"))


def test_a_changed_file_voids_it(signed: bytes, keys: Path) -> None:
    """Each file of the archive in turn: with a byte more it is not the one that was signed."""
    key = read_public_key(keys.with_suffix(".pub"))
    for name in members_of(signed):
        changed = members_of(signed)
        changed[name] += b" "
        if name.endswith(".signatures.json"):
            continue
        with pytest.raises(LifecycleError):
            unpacked(archive_of(changed), key)
        with pytest.raises(LifecycleError):
            unpacked(archive_of(changed), None)


def test_a_file_that_was_added_or_dropped_voids_it(signed: bytes, keys: Path) -> None:
    """Nothing rides along unsigned."""
    key = read_public_key(keys.with_suffix(".pub"))
    with pytest.raises(Tampered):
        unpacked(archive_of(members_of(signed), ("/policies/more.rego", b"package gov.more")), key)
    for name in members_of(signed):
        with pytest.raises((Tampered, MalformedRecord)):
            unpacked(archive_of({other: content for other, content in members_of(signed).items() if other != name}), key)
    with pytest.raises(MalformedRecord, match="no place"):
        unpacked(archive_of(members_of(signed), ("/data.json", b"{}")), key)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "..".join(token.split(".")[:2]),
        lambda token: token.replace(token.split(".")[0], "eyJhbGciOiJub25lIn0"),
        lambda token: token[:-4] + "AAAA",
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: "nothing",
    ],
    ids=["no payload", "alg none", "another signature", "no signature", "no token"],
)
def test_a_forged_token_does_not_count(signed: bytes, keys: Path, forge: Callable[[str], str]) -> None:
    """The algorithm is never the token's to choose."""
    members = members_of(signed)
    name = next(name for name in members if name.endswith(".signatures.json"))
    members[name] = json.dumps({"signatures": [forge(json.loads(members[name])["signatures"][0])]}).encode()
    with pytest.raises(Tampered):
        unpacked(archive_of(members), read_public_key(keys.with_suffix(".pub")))


def test_what_is_no_bundle_and_no_key_is_said(tmp_path: Path, keys: Path) -> None:
    """Each in words of its own."""
    with pytest.raises(MalformedRecord, match="not a bundle"):
        unpacked(b"nothing", None)
    with pytest.raises(Unavailable, match="can't be read"):
        read_archive(tmp_path / "absent", None)
    (tmp_path / "no.key").write_text("nothing")
    for read in (read_private_key, read_public_key):
        with pytest.raises(InvalidDeclaration, match="P-256"):
            read(tmp_path / "no.key")
        with pytest.raises(Unavailable):
            read(tmp_path / "absent.key")
    with pytest.raises(Refused, match="never overwritten"):
        create_key(keys)


def test_the_embedded_engine_decides_by_a_signed_bundle(
    bundle: Bundle, signed: bytes, keys: Path, governance: Path, tmp_path: Path
) -> None:
    """From the very file that a server loads, after the same verification; without the key it starts no gate."""
    file = tmp_path / "bundle.tar.gz"
    file.write_bytes(signed)
    keeper = GateKeeper.open(
        governance, environment="local", people_digest=NOBODY_DIGEST, bundle_file=file, bundle_key=keys.with_suffix(".pub")
    )
    decision = keeper.ask(good(bundle, "rollback"))
    assert decision.allowed
    assert decision.policy.bundle_digest == bundle.digest
    with pytest.raises(InvalidDeclaration, match="which key"):
        GateKeeper.open(governance, environment="local", people_digest=NOBODY_DIGEST, bundle_file=file)
    file.write_bytes(packed(bundle))
    with pytest.raises(Tampered, match="not signed"):
        GateKeeper.open(governance, environment="local", people_digest=NOBODY_DIGEST, bundle_file=file, bundle_key=keys.with_suffix(".pub"))


def test_the_real_opa_activates_what_we_signed_and_nothing_else(
    tool: Callable[[str], str], bundle: Bundle, signed: bytes, keys: Path, tmp_path: Path
) -> None:
    """An independent implementation of the signature: it decides by the signed bundle, and refuses one with a rule changed."""
    opa = tool("opa")
    file = tmp_path / "bundle.tar.gz"
    verifying = ["--set", "bundles.gov.signing.keyid=policy", "--set", "bundles.gov.signing.scope=lifecycle-policy"]
    verifying += ["--set", "keys.policy.algorithm=ES256", "--set-file", f"keys.policy.key={keys.with_suffix('.pub')}"]
    file.write_bytes(signed)
    with server.running(opa, bundle, tmp_path, *verifying, archive=file) as url:
        question = good(bundle, "rollback")
        answered = ServerEngine(url, server.TOKEN, bundle).answer("rollback", question.as_json()).value
        assert isinstance(answered, dict)
        assert answered["allow"] is True
    members = members_of(signed)
    name = next(name for name in members if name.endswith("rollback.rego"))
    members[name] = members[name].replace(b"input.evidence.to_revoked == false", b"true")
    file.write_bytes(archive_of(members))
    with (
        pytest.raises(AssertionError, match="digest mismatch"),
        server.running(opa, bundle, tmp_path, *verifying, archive=file, patience=40),
    ):
        pass


def test_build_sign_diff_and_push_on_the_command_line(
    governance: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a key to a bundle where servers fetch it; what nobody signed is not pushed."""
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(repository))
    key, file, target = tmp_path / "policy.key", tmp_path / "bundle.tar.gz", tmp_path / "served" / "bundle.tar.gz"
    target.parent.mkdir()
    assert main.run(["keys", "new", str(key), "--policy"]) == 0
    assert main.run(["policy", "build", str(file)]) == 0
    push = ["policy", "push", str(file), target.as_uri()]
    assert main.run(push) == InvalidDeclaration.exit_code
    assert main.run([*push, "--key", str(key.with_suffix(".pub"))]) == Tampered.exit_code
    assert main.run(["policy", "sign", str(file), "--key", str(key)]) == 0
    monkeypatch.setenv("LIFECYCLE_POLICY_KEY", str(key.with_suffix(".pub")))
    assert main.run(push) == 0
    assert target.read_bytes() == file.read_bytes()
    capsys.readouterr()
    assert main.run(["policy", "diff", str(file)]) == 0
    assert "the same bundle" in capsys.readouterr().out
    draft = tmp_path / "draft"
    shutil.copytree(governance, draft)
    limits = draft / "limits" / "consumer_credit.yaml"
    limits.write_text(limits.read_text().replace("value: 1000,", "value: 9000,"))
    assert main.run(["policy", "diff", str(governance), str(draft), "--json"]) == 0
    found = {change["name"]: change for change in json.loads(capsys.readouterr().out)["changes"]}
    assert found["consumer_credit dataset_rows_least"]["after"].startswith("9000 rows")
    assert "limits/consumer_credit.yaml" in found


def test_a_push_waits_until_the_server_decides_by_it(
    tool: Callable[[str], str],
    bundle: Bundle,
    signed: bytes,
    keys: Path,
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server that fetches from there is asked for its revision; one that never gets it is named."""
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(repository))
    monkeypatch.setenv("LIFECYCLE_OPA_TOKEN", server.TOKEN)
    monkeypatch.setenv("LIFECYCLE_POLICY_KEY", str(keys.with_suffix(".pub")))
    served, file = tmp_path / "bundle.tar.gz", tmp_path / "signed.tar.gz"
    file.write_bytes(signed)
    older = Bundle({name: text.replace("Lower bound of the AUC", "A bound") for name, text in bundle.files.items()})
    with server.running(tool("opa"), older, tmp_path) as url:
        monkeypatch.setenv("LIFECYCLE_OPA_URL", url)
        assert main.run(["policy", "push", str(file), (tmp_path / "elsewhere").as_uri(), "--wait", "0"]) == Unavailable.exit_code
        assert "does not decide by" in capsys.readouterr().err
    served.unlink()
    with server.running(tool("opa"), bundle, tmp_path) as url:
        monkeypatch.setenv("LIFECYCLE_OPA_URL", url)
        assert main.run(["policy", "push", str(file), served.as_uri()]) == 0
        assert "decides by it" in capsys.readouterr().out


def test_a_bundle_whose_gates_would_stay_shut_is_not_pushed(
    governance: Path, repository: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit past its gate's known-good input: whoever asks the servers that fetched it could decide nothing. What lay there stays."""
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(repository))
    folder = copied(governance, tmp_path)
    edit(folder, "limits/consumer_credit.yaml", "{value: 0.78, from: 0.65", "{value: 0.99, from: 0.65")
    file, served = tmp_path / "signed.tar.gz", tmp_path / "served.tar.gz"
    file.write_bytes(packed(Bundle.load(folder), read_private_key(keys)))
    served.write_bytes(b"what lay there")
    push = ["policy", "push", str(file), served.as_uri(), "--key", str(keys.with_suffix(".pub"))]
    assert main.run(push) == InvalidDeclaration.exit_code
    assert "PRM-004" in capsys.readouterr().err
    assert served.read_bytes() == b"what lay there"


def test_changes_are_told_by_what_they_are(bundle: Bundle) -> None:
    """A rule's severity, a limit, a gate that goes: each by its name, and never what stayed."""
    assert changes(bundle, bundle) == ()
    milder = Bundle(
        {
            name: text.replace("rule: RBK-004\n#   severity: critical", "rule: RBK-004\n#   severity: low")
            for name, text in bundle.files.items()
            if "data_access" not in name
        }
    )
    found = {(change.kind, change.name): change for change in changes(bundle, milder)}
    assert found["rule", "rollback RBK-004"].before == "severity critical"
    assert found["rule", "rollback RBK-004"].after == "severity low"
    assert found["gate", "data_access"].after == ""
    assert {kind for kind, _ in found} == {"rule", "gate", "file"}
