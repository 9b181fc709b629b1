"""Other people's implementations judge ours: the Go team's sumdb, transparency-dev's cosignatures and policies, Tessera's fsck, pymerkle.

What they and we agree on is not a misreading of the specification that our own tests share.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.tiles import export_tiles
from lifecycle.proofs.cosignatures import WitnessKey, WitnessSigner, cosignatures
from lifecycle.proofs.merkle import EMPTY_ROOT, Tree, leaf_hash, verify_consistency
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey, open_note, sign
from lifecycle.proofs.signature_lines import with_signatures
from lifecycle.proofs.tlog_proof import TlogProof
from lifecycle.proofs.witness_policy import WitnessPolicy
from lifecycle.witness.deciding import Witness
from lifecycle.witness.memory import WitnessMemory
from tests.ledger.conftest import key_file, ledger, log_key, place, signed
from tests.ledger.happenings import happening

__all__ = ["key_file", "ledger", "log_key", "place", "signed"]

Ask = Callable[..., Any]
LOG = SigningKey("example.org/ledger", bytes(range(32)))
WITNESSES = [WitnessSigner(f"w{number}.example", bytes([number + 1]) * 32) for number in range(3)]
CHECKPOINT = Checkpoint(LOG.name, 7, leaf_hash(b"root"))
AT = 1_700_000_000


@pytest.fixture(scope="session")
def ask(tool: Callable[[str], str]) -> Ask:
    """Asks the judge in Go; fails with its reason where it refuses."""
    program = tool("c2sp-judge")

    def asked(ask: str, **told: Any) -> Any:
        ended = subprocess.run((program,), input=json.dumps({"ask": ask, **told}), capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return asked


def random_leaves(seed: int, most: int = 70) -> list[bytes]:
    source = random.Random(seed)
    return [source.randbytes(source.randrange(0, 40)) for _ in range(source.randrange(1, most))]


def encoded(hashes: Any) -> list[str]:
    return [base64.b64encode(found).decode() for found in hashes]


@pytest.mark.parametrize("seed", range(12))
def test_sumdb_has_our_roots_and_takes_our_proofs(ask: Ask, seed: int) -> None:
    """Of a random log: the root at every size, every inclusion proof at random sizes, and every consistency proof between them."""
    leaves = random_leaves(seed)
    tree, source = Tree(map(leaf_hash, leaves)), random.Random(seed)
    sizes = sorted({source.randrange(1, len(leaves) + 1) for _ in range(8)} | {len(leaves)})
    answer = ask(
        "tree",
        leaves=encoded(leaves),
        roots=encoded(tree.root(size) for size in range(len(leaves) + 1)),
        inclusions=[
            {"index": index, "size": size, "path": encoded(tree.inclusion_path(index, size))} for size in sizes for index in range(size)
        ],
        consistencies=[
            {"old": old, "size": size, "path": encoded(tree.consistency_path(old, size))} for size in sizes for old in range(1, size + 1)
        ],
    )
    assert answer["roots"] == len(leaves) + 1
    assert answer["inclusions"] == answer["consistencies"] == sum(sizes)


def test_the_judge_can_refuse(tool: Callable[[str], str]) -> None:
    """A wrong root does not pass it."""
    told = {"ask": "tree", "leaves": encoded([b"a"]), "roots": encoded([EMPTY_ROOT, bytes(32)])}
    ended = subprocess.run((tool("c2sp-judge"),), input=json.dumps(told), capture_output=True, text=True, check=False, timeout=120)
    assert (ended.returncode, "the root of 1 leaves" in ended.stderr) == (1, True)


def test_go_opens_our_notes_and_cosignatures(ask: Ask) -> None:
    """Two keys of the log and a witness on one note: the same text, the same signers, the witness's own time."""
    new = SigningKey(LOG.name, bytes([7]) * 32)
    note = with_signatures(sign(CHECKPOINT, new, LOG), [WITNESSES[0].cosign(CHECKPOINT.text(), AT)])
    answer = ask("open", note=note, log_keys=[str(LOG.verifier), str(new.verifier)], witness_keys=[str(WITNESSES[0].verifier)])
    assert answer["text"] == CHECKPOINT.text()
    assert sorted(answer["signed_by"]) == [LOG.name, LOG.name, WITNESSES[0].name]
    assert answer["cosigned_at"][WITNESSES[0].name] == AT


def test_we_open_the_notes_and_cosignatures_of_go(ask: Ask) -> None:
    """Under the verifier keys as it writes them."""
    told = ask("sign", text=Checkpoint("go.example/log", 3, leaf_hash(b"x")).text())
    assert open_note(told["note"], [VerifierKey.parse(told["log_key"])]) == Checkpoint("go.example/log", 3, leaf_hash(b"x"))
    (found,) = cosignatures(told["note"], [WitnessKey.parse(told["witness_key"])])
    assert abs(found.at_seconds - told["now"]) < 60
    assert str(WitnessKey.parse(told["witness_key"])) == told["witness_key"]


def test_a_witness_of_ours_is_understood_by_go(ask: Ask, tmp_path: Path) -> None:
    """What it remembers of a log is a note that both keys open."""
    witness = Witness(WITNESSES[1], {LOG.name: [LOG.verifier]}, WitnessMemory(tmp_path), lambda: AT)
    tree = Tree(leaf_hash(bytes([number])) for number in range(5))
    note = sign(Checkpoint(LOG.name, 5, tree.root()), LOG)
    line = witness.add_checkpoint(f"old 0\n\n{note}").text
    answer = ask("open", note=note + line, log_keys=[str(LOG.verifier)], witness_keys=[str(WITNESSES[1].verifier)])
    assert answer["cosigned_at"] == {WITNESSES[1].name: AT}


@pytest.mark.parametrize("quorum", ["w0", "one", "two", "three", "both"])
@pytest.mark.parametrize("cosigned", [(), (0,), (1,), (0, 2), (0, 1, 2)])
def test_tessera_counts_a_quorum_as_we_do(ask: Ask, quorum: str, cosigned: tuple[int, ...]) -> None:
    """One policy text, read by both: single witnesses, groups with each kind of threshold, and a group of groups."""
    lines = [f"witness w{number} {witness.verifier} https://w{number}.example" for number, witness in enumerate(WITNESSES)]
    groups = {
        "w0": (),
        "one": ("group one any w0 w1 w2",),
        "two": ("group two 2 w0 w1 w2",),
        "three": ("group three all w0 w1 w2",),
        "both": ("group pair 1 w1 w2", "group both all w0 pair"),
    }
    policy = "\n".join((*lines, *groups[quorum], f"quorum {quorum}", ""))
    note = with_signatures(sign(CHECKPOINT, LOG), [WITNESSES[number].cosign(CHECKPOINT.text(), AT) for number in cosigned])
    ours = WitnessPolicy.parse(policy).satisfied_by({WITNESSES[number].verifier for number in cosigned})
    assert ask("policy", policy=policy, note=note)["satisfied"] == ours


@pytest.mark.parametrize("size", [1, 255, 256, 300, 600])
def test_tessera_fsck_passes_our_tiles(
    ask: Ask, ledger: Ledger, log_key: VerifierKey, tmp_path: Path, signed: Callable[[], str], size: int
) -> None:
    """A whole ledger, exported: every tile, every bundle, the root and the signature."""
    with ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(size)])
    signed()
    export_tiles(ledger.url, tmp_path / "tiles")
    assert ask("fsck", folder=str(tmp_path / "tiles"), log_keys=[str(log_key)]) == {"ok": True}


def test_tessera_fsck_finds_a_changed_entry(
    tool: Callable[[str], str], ledger: Ledger, log_key: VerifierKey, tmp_path: Path, signed: Callable[[], str]
) -> None:
    """The judge can refuse: one byte of one entry."""
    with ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(5)])
    signed()
    export_tiles(ledger.url, tmp_path / "tiles")
    bundle = tmp_path / "tiles" / "tile" / "entries" / "000.p" / "5"
    bundle.write_bytes(bundle.read_bytes().replace(b"lost", b"last", 1))
    told = json.dumps({"ask": "fsck", "folder": str(tmp_path / "tiles"), "log_keys": [str(log_key)]})
    assert subprocess.run((tool("c2sp-judge"),), input=told, capture_output=True, text=True, check=False, timeout=120).returncode == 1


def test_a_proof_file_holds_what_sumdb_checks(ask: Ask) -> None:
    """Its hashes and its note, taken out of the file by their lines, pass both."""
    leaves = random_leaves(5)
    tree = Tree(map(leaf_hash, leaves))
    text = str(TlogProof(2, tree.inclusion_path(2), sign(Checkpoint(LOG.name, tree.size, tree.root()), LOG)))
    head, _, note = text.partition("\n\n")
    inclusion = {"index": 2, "size": tree.size, "path": head.split("\n")[2:]}
    roots = encoded(tree.root(size) for size in range(tree.size + 1))
    assert ask("tree", leaves=encoded(leaves), roots=roots, inclusions=[inclusion])["inclusions"] == 1
    assert ask("open", note=note, log_keys=[str(LOG.verifier)])["signed_by"] == [LOG.name]


@pytest.mark.parametrize("seed", range(6))
def test_pymerkle_has_our_roots_and_proofs(tool: Callable[[str], str], seed: int) -> None:
    """Root by root; its inclusion proofs hold our hashes and the leaf's own; our consistency proofs lead from root to root of its."""
    leaves = random_leaves(seed, most=34)
    tree = Tree(map(leaf_hash, leaves))
    script = Path(__file__).with_name("pymerkle_answers.py")
    ended = subprocess.run(
        (tool("pymerkle-python"), str(script)),
        input=json.dumps({"leaves": [leaf.hex() for leaf in leaves]}),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answer = json.loads(ended.stdout)
    assert answer["roots"] == [tree.root(size).hex() for size in range(1, tree.size + 1)]
    for place_in, path in answer["inclusions"].items():
        index, size = map(int, place_in.split("/"))
        assert sorted(path) == sorted([leaf_hash(leaves[index]).hex(), *(found.hex() for found in tree.inclusion_path(index, size))])
    roots = [EMPTY_ROOT, *map(bytes.fromhex, answer["roots"])]
    for size in range(1, tree.size + 1):
        for old in range(size + 1):
            verify_consistency(old, size, tree.consistency_path(old, size), roots[old], roots[size])
