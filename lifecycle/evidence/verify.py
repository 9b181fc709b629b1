#!/usr/bin/env python3
"""Verifies an evidence pack of Lifecycle: one file, offline, with nothing of Lifecycle installed.

    pip install cryptography            # Python 3.10 or newer; nothing else is needed
    python verify.py PACK.zip [--trust FILE]... [--require L2] [--json]

Run a copy of this file that you had before you got the pack: whoever can alter a pack can alter the copy in it.

A pack holds records of a log (`leaves/`, each in its exact bytes), the hash of every record of the log (`tile/`), the signed root over
them (`checkpoint`), the files that the records name by their SHA-256 (`proven/`), and what was made from all that for people (`views/`).
What it proves depends on what you knew before, which you give as --trust:

    L0  the pack agrees with itself: nothing was altered, moved, added or dropped after it was made; without --trust no more is known
    L1  the log signed these records: give its verifier key
    L2  the log goes on from what you saw of it before, so its past was not rewritten: give a ledger checkpoint that you kept
    L3  the records existed by a certain time: give the certificate of a time-stamping authority, and run what is printed
    L4  witnesses saw the same log as you do: give a witness policy (C2SP tlog-policy)

A trust file of Lifecycle is all of these. Exit code: 0 all holds; 1 something does not, or not up to --require; 2 nothing to verify.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import zipfile
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

# ── The pack ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Leaf(NamedTuple):
    """One record of the log: its place, its exact bytes, and what they say."""

    place: int
    stored: bytes
    event: Any
    body: Any

    def __str__(self) -> str:
        return f"record {self.place} ({self.event['type']})"


class Pack:
    """The files of a pack (a zip file, or its folder). `about` is pack.json, which says what each is: checked below, believed nowhere."""

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            self.files = {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        else:
            with zipfile.ZipFile(path) as archive:
                names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
                self.files = {name: archive.read(name) for name in names}
            if len(self.files) != len(names):
                raise ValueError("a name stands twice in the zip file, so that two readers could see two packs")
        self.about, self.checkpoint = json.loads(self.files["pack.json"]), Note(self.files["checkpoint"].decode())
        tiles = b"".join(self.files.get(name, b"") for name in tile_names(self.checkpoint.size))
        self.hashes = [tiles[at : at + 32] for at in range(0, len(tiles), 32)]
        self.leaves: list[Leaf] = []
        for index, stored in sorted((entry["index"], self.files.get(entry["path"], b"")) for entry in self.about["leaves"]):
            if self.hashes[index : index + 1] == [hashlib.sha256(b"\x00" + stored).digest()]:  # What the tree does not hold is not read.
                self.leaves.append(Leaf(index, stored, event := json.loads(stored), event["body"]))

    def happened(self, *types: str) -> list[Leaf]:
        """The records of these types, in the order of the log."""
        return [leaf for leaf in self.leaves if leaf.event["type"] in types]

    def proven(self, digest: str) -> bytes | None:
        """The file in proven/ that has this digest."""
        found = (self.files.get(entry["path"], b"") for entry in self.about["proven"] if entry["digest"] == digest)
        return next((content for content in found if sha256(content) == digest), None)


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


# ── The tree (RFC 6962), its tiles (C2SP tlog-tiles), notes (C2SP signed-note, tlog-cosignature) and signatures ──────────────────────


def roots(leaves: Sequence[bytes], sizes: Iterable[int]) -> dict[int, bytes]:
    """The root over the first n leaf hashes, for each n in `sizes` that there is."""
    wanted, found = set(sizes), {0: hashlib.sha256(b"").digest()}
    subtrees: list[bytes] = []  # The roots of the complete subtrees so far, the largest first.
    for size, leaf in enumerate(leaves, 1):
        subtrees.append(leaf)
        for _ in range((size & -size).bit_length() - 1):  # Each zero at the end of the size joins two subtrees to one.
            right, left = subtrees.pop(), subtrees.pop()
            subtrees.append(hashlib.sha256(b"\x01" + left + right).digest())
        if size in wanted:
            found[size] = subtrees[-1]
            for left in reversed(subtrees[:-1]):
                found[size] = hashlib.sha256(b"\x01" + left + found[size]).digest()
    return found


def tile_names(size: int) -> Iterator[str]:
    """The tiles that hold the leaf hashes of a tree, 256 each: tile/0/000, …, tile/0/x001/234, tile/0/x001/235.p/17."""
    for number in range((size + 255) // 256):
        width, (*folders, last) = min(size - number * 256, 256), f"{number:,}".split(",")
        yield f"tile/0/{''.join(f'x{folder:0>3}/' for folder in folders)}{last:0>3}" + (f".p/{width}" if width < 256 else "")


class Note:
    """A signed ledger checkpoint: the log of this origin had this many records under this root."""

    def __init__(self, note: str) -> None:
        head, separator, tail = note.rpartition("\n\n")
        self.text, lines = head + "\n", head.split("\n")
        if not separator or len(lines) < 3 or not re.fullmatch(r"0|[1-9][0-9]{0,8}", lines[1]):
            raise ValueError("this is not a signed ledger checkpoint")
        self.origin, self.size, self.root = lines[0], int(lines[1]), b64decode(lines[2], validate=True)
        self.signatures = [(name, b64decode(blob)) for name, blob in re.findall(r"^\u2014 (\S+) (\S+)$", tail, re.MULTILINE)]

    def signed_by(self, verifier_key: str) -> bool:
        """Whether a signature is by this key, `name+id+base64` of its kind (1: a log, 4: a witness, who signs the time too) and bytes."""
        name, key = verifier_key.partition("+")[0], b64decode(verifier_key.split("+", 2)[2])
        key_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        for blob in (blob for who, blob in self.signatures if who == name and blob[:4] == key_id):
            time = b"" if key[0] == 1 else b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[4:12], "big")
            return signed(key[1:], blob[4:] if key[0] == 1 else blob[12:], time + self.text.encode())
        return False


def signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature holds: by an Ed25519 key (32 bytes), or by an ECDSA key (PEM) with SHA-256."""
    try:
        if len(public) == 32:
            return ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message) is None
        key = serialization.load_pem_public_key(public)
        return isinstance(key, ec.EllipticCurvePublicKey) and key.verify(signature, message, ec.ECDSA(hashes.SHA256())) is None
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False


def dsse(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature is over: type and bytes, so that what was signed as one thing never passes as another."""
    return b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type.encode(), len(payload), payload)


# ── Checks: each is one property of the pack, and yields what breaks it ──────────────────────────────────────────────────────────────


def check_files(pack: Pack) -> Iterator[str]:
    """Every file is listed under its digest, there is no other, and the key that signed the models signed the list."""
    listed = {entry["path"]: entry["digest"] for entry in (*pack.about["proven"], *pack.about["views"])}
    own = {"pack.json", "pack.sig", "checkpoint", *tile_names(pack.checkpoint.size), *(entry["path"] for entry in pack.about["leaves"])}
    yield from (f"{path} is missing" for path in sorted({*listed, *own} - {*pack.files, ""}))
    yield from (f"{path} does not belong to the pack: nothing lists it" for path in sorted({*pack.files} - {*listed, *own}))
    found = {path: sha256(pack.files[path]) for path in listed if path in pack.files}
    yield from (f"{path} was altered: its digest is {found[path]}, not {listed[path]}" for path in found if found[path] != listed[path])
    public, signature = pack.proven(pack.about["signing_key"]) or b"", b64decode(pack.files.get("pack.sig", b""))
    keys = {leaf.body["signature_key"] for leaf in pack.happened("ModelTrained")} or {hashlib.sha256(public).hexdigest()}
    listing = dsse("application/vnd.lifecycle.pack+json", pack.files["pack.json"])
    if not signed(public, signature, listing) or hashlib.sha256(public).hexdigest() not in keys:
        yield "pack.json was altered: pack.sig is no signature over it by a key that signed these models, so the views may say anything"


def check_records(pack: Pack) -> Iterator[str]:
    """Every record has the bytes that the tree holds in its place, and the tree has the root that the checkpoint names."""
    if roots(pack.hashes, [len(pack.hashes)]).get(pack.checkpoint.size) != pack.checkpoint.root:
        yield f"the tiles do not lead to the root over {pack.checkpoint.size} records: a tile or the checkpoint was altered"
    read = {leaf.place for leaf in pack.leaves}
    pruned = [range(part["start"], part["end"]) for leaf in pack.happened("BodiesPruned") for part in leaf.body["ranges"]]
    for entry in pack.about["leaves"]:
        if entry["path"] and entry["index"] not in read:
            yield f"{entry['path']} was altered, moved or made up: the log holds other bytes in the place {entry['index']}"
        elif not entry["path"] and not any(entry["index"] in part for part in pruned):
            yield f"record {entry['index']} has no bytes, and no record says that they were pruned"


def check_completeness(pack: Pack) -> Iterator[str]:
    """No record is missing up to the last of a subject that the pack has whole, nor within the period that it is of."""
    events, streams = {leaf.place: leaf.event for leaf in pack.leaves}, dict[str, list[int | None]]()
    for entry in pack.about["leaves"]:
        event = events.get(entry["index"], entry)  # Of bytes that were pruned, pack.json says what they were about.
        streams.setdefault(f"{event['subject']['kind']}/{event['subject']['name']}", []).append(event.get("sequence"))
    for stream, last in pack.about["streams"].items():
        numbers = {number or place for place, number in enumerate(streams.get(stream, ()), 1)}
        gap = next((number for number in range(1, last + 1) if number not in numbers), None)
        yield from [f"number {gap} of the {last} records on {stream} is missing"] if gap else []
    here = {entry["index"] for entry in pack.about["leaves"]}
    gap = next((index for index in range(*pack.about["range"]) if index not in here), None)
    yield from [f"record {gap} is within the period of the pack, and missing"] if gap is not None else []


def check_proven(pack: Pack) -> Iterator[str]:
    """Every file in proven/ is named by a record, and every file that a record names is here or said to be left out."""
    unread, named = [leaf.stored for leaf in pack.leaves], {pack.about["signing_key"].encode()}
    while unread:
        found = set(re.findall(rb"sha256:[0-9a-f]{64}", unread.pop())) - named
        named |= found
        unread += [content for digest in found if (content := pack.proven(digest.decode())) and content[:1] == b"{"]
    yield from (f"{entry['path']} is named by no record" for entry in pack.about["proven"] if entry["digest"].encode() not in named)
    here = {entry["digest"] for entry in (*pack.about["proven"], *pack.about["left_out"])}
    links = [(leaf, link) for leaf in pack.leaves for link in (*leaf.event["inputs"], *leaf.event["outputs"])]
    yield from (f"{leaf} names a {link['role']} that is missing: {link['digest']}" for leaf, link in links if link["digest"] not in here)


def check_decisions(pack: Pack) -> Iterator[str]:
    """Every decision was taken on the input and under the policy bundle that its record names."""
    for leaf in pack.happened("DecisionMade"):
        decision, subject = leaf.body["decision"], leaf.event["subject"]
        shown, result = decision["input"], decision["result"]
        exact = leaf.stored.partition(b'"input":')[2].rpartition(b',"input_digest":')[0]  # Canonical JSON (RFC 8785) within such.
        if sha256(exact) != decision["input_digest"] or json.loads(exact) != shown:
            yield f"{leaf}: the gate was shown another input than {decision['input_digest']}"
        said = [(shown["subject"][part], subject[part]) for part in ("name", "version", "digest")]
        said += [(shown["target"]["environment"], leaf.event["environment"]), (shown["gate"], decision["gate"])]
        said += [(result["gate"], decision["gate"]), (result["allow"], result["outcome"] == "allow" and not result["violations"])]
        said += [(link["digest"], decision["policy"]["bundle_digest"]) for link in leaf.event["inputs"] if link["role"] == "bundle"]
        yield from (f"{leaf} says {one!r} in one place and {other!r} in another" for one, other in said if one != other)


def statement_in(leaf: Leaf) -> bytes:
    """The exact bytes that a person signed (DSSE)."""
    return b64decode(leaf.body["envelope"]["payload"])


def check_statements(pack: Pack) -> Iterator[str]:
    """Whatever people signed was signed by a key that was enrolled for them before, and says what its record says."""
    enrolled = [(leaf.place, leaf.body["person"], leaf.body["keys"]) for leaf in pack.happened("PersonEnrolled")]
    named = [json.loads(pack.proven(entry["digest"]) or b"{}") for entry in pack.about["proven"] if entry["role"] == "people"]
    enrolled += [(0, name, person["keys"]) for registry in named for name, person in registry.get("people", {}).items()]
    for leaf in (leaf for leaf in pack.leaves if "envelope" in leaf.body):
        said, envelope, event = json.loads(statement_in(leaf)), leaf.body["envelope"], leaf.event
        who = said.get("approver") or said["signer"]
        owned = [key for place, name, keys in enrolled if name == who and place <= leaf.place for key in keys]
        publics = {b64decode(key["public"]) for key in owned if key["id"] == envelope["key_id"]}
        signature, message = b64decode(envelope["signature"]), dsse(envelope["payload_type"], statement_in(leaf))
        if not any(signed(public, signature, message) for public in publics):
            yield f"{leaf}: no key that was enrolled for {who} signed this"
        wanted = {"approver": event["actor"]["id"], "signer": event["actor"]["id"], "environment": event["environment"]}
        wanted |= {"model": event["subject"]["name"], "version": event["subject"]["version"], "model_digest": event["subject"]["digest"]}
        wanted |= {"decision": "approve" if event["type"] == "ApprovalGiven" else "reject"}
        other = [part for part in wanted if said.get(part, wanted[part]) != wanted[part]]
        yield from (f"{leaf}: what was signed has the {part} {said[part]!r}" for part in other)


def check_duties(pack: Pack) -> Iterator[str]:
    """Nobody approved their own work, each approval counted once, in time and for these bytes, and nothing was rolled out without."""
    given = {sha256(statement_in(leaf)): leaf for leaf in reversed(pack.happened("ApprovalGiven"))}
    revoked = {leaf.body["key_id"]: leaf.place for leaf in pack.happened("KeyRevoked")}
    used, allowing = dict[str, Leaf](), dict[str, Leaf]()
    for leaf in pack.happened("DecisionMade"):
        decision, subject, shown = leaf.body["decision"], leaf.event["subject"], leaf.body["decision"]["input"]
        made = [one for one in pack.happened("ModelTrained") if one.event["subject"] == subject]
        makers = {maker["id"] for maker in shown["subject"]["makers"]} | {one.event["actor"]["id"] for one in made}
        makers |= {name for one in made for name in (one.body["code_author"], *one.body["declared"]["members"])}
        for digest in leaf.body["consumed"]:
            approval, seen = given.get(digest), [one for one in shown["approvals"] if one["statement_digest"] == digest]
            if approval is None or approval.place > leaf.place or not seen:
                yield f"{leaf} uses an approval that no record before it holds: {digest}"
                continue
            said, key = json.loads(statement_in(approval)), approval.body["envelope"]["key_id"]
            for wrong, what in (
                ({said["approver"], *seen[0]["also"]} & makers, f"{said['approver']} approved their own work"),
                (used.setdefault(digest, leaf) is not leaf, f"it uses the approval that {used[digest]} had used up"),
                (not said["signed_at_us"] <= shown["now_us"] < said["expires_at_us"], "it uses an approval outside of its time"),
                (said["model_digest"] != subject["digest"], "it uses an approval of other bytes"),
                (said["environment"] != leaf.event["environment"], "it uses an approval for another environment"),
                (revoked.get(key, leaf.place) < leaf.place, f"it uses an approval by the key {key}, which was revoked before"),
            ):
                yield from [f"{leaf}: {what}"] if wrong else []
        if decision["gate"] == "deployment" and decision["result"]["allow"]:
            allowing[decision["id"]] = leaf
            counted = [one for one in shown["approvals"] if one["statement_digest"] in leaf.body["consumed"]]
            for need in decision["result"]["required_approvals"]:
                if len({one["approver"] for one in counted if need["role"] in one["roles"]}) < need["count"]:
                    yield f"{leaf} allows without {need['count']} approvals of the role {need['role']}"
    for leaf in pack.happened("RolloutRequested"):
        before, place = allowing.get(leaf.body["decision_id"], leaf), (leaf.event["subject"], leaf.event["environment"])
        if before.place >= leaf.place or (before.event["subject"], before.event["environment"]) != place:
            yield f"{leaf} has no deployment decision before it that allows these bytes here"


# ── Trust: what you knew before, and how far it reaches ──────────────────────────────────────────────────────────────────────────────


class Trust:
    """Everything that was given as --trust."""

    def __init__(self) -> None:
        self.log_keys, self.held, self.certificates = dict[str, tuple[int, int]](), list[Note](), list[str]()
        self.witnesses, self.groups, self.quorum = dict[str, str](), dict[str, tuple[int, list[str]]](), ""

    def take(self, text: str) -> None:
        """Takes one file in, told apart by what it says. Raises ValueError for what is nothing to trust."""
        if text.lstrip().startswith("{"):
            file = json.loads(text)
            ends = {entry["key"]: 10**9 if entry["until_size"] is None else entry["until_size"] for entry in file["log_keys"]}
            self.log_keys |= {entry["key"]: (entry["from_size"], ends[entry["key"]]) for entry in file["log_keys"]}
            for part in (file["policy"], *file["checkpoints"], *file["tsa_certificates"]):
                self.take(part)
        elif "-----BEGIN CERTIFICATE" in text:
            self.certificates.append(text)
        elif "\n\n\u2014 " in text:
            self.held.append(Note(text))
        elif re.fullmatch(r"[^\s+]+\+[0-9a-f]{8}\+\S+", text.strip()):
            self.log_keys.setdefault(text.strip(), (0, 10**9))
        else:
            lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
            self.log_keys = {words[1]: (0, 10**9) for words in lines if words[0] == "log"} | self.log_keys
            self.witnesses |= {words[1]: words[2] for words in lines if words[0] == "witness"}
            for _, name, count, *members in (words for words in lines if words[0] == "group"):
                self.groups[name] = ({"any": 1, "all": len(members)}.get(count) or int(count), members)
            quorum = dict(words for words in lines if words[0] == "quorum")["quorum"]
            self.quorum = self.quorum if quorum == "none" else quorum

    def log_keys_after(self, changes: Sequence[Leaf]) -> dict[str, tuple[int, int]]:
        """The keys of the log, and of how many records each may sign: those that are trusted, and those that they handed over to."""
        keys = dict(self.log_keys)
        for leaf in changes:
            old, new, first, last = (leaf.body[part] for part in ("old_key", "new_key", "from_size", "old_until_size"))
            text = f"lifecycle log-key rotation v1\nold {old}\nnew {new}\nfrom {first}\nuntil {last}\nreason {leaf.body['reason']}\n"
            signatures = [b64decode(leaf.body[f"{one}_signature"]) for one in ("old", "new")]
            both = [signed(b64decode(key.split("+", 2)[2])[1:], by, text.encode()) for key, by in zip((old, new), signatures, strict=True)]
            if old in keys and first <= keys[old][1] + 1 and all(both):  # A key that has ended hands nothing over.
                keys |= {old: (keys[old][0], min(last, keys[old][1])), new: keys.get(new, (first, 10**9))}
        return keys

    def agreed(self, name: str, note: Note) -> bool:
        """Whether a witness, or enough members of a group, cosigned a note."""
        needed, members = self.groups.get(name, (1, []))
        return note.signed_by(self.witnesses[name]) if name in self.witnesses else sum(self.agreed(one, note) for one in members) >= needed


def levels(pack: Pack, trust: Trust) -> Iterator[tuple[str, bool | None, str]]:
    """Each level past L0, whether it holds (None: you gave nothing that it could be held against), and why."""
    note, keys = pack.checkpoint, trust.log_keys_after(pack.happened("LogKeyRotated"))
    mine = [key for key, (first, last) in keys.items() if key.startswith(f"{note.origin}+") and first <= note.size <= last]
    good = any(map(note.signed_by, mine)) if keys else None
    yield "L1", good, f"the checkpoint of {note.size} records of {note.origin} is signed by a key that you gave"
    notes = [one for path in pack.about["notes"] if (one := Note(pack.files.get(path, b"").decode())).origin == note.origin]
    known = roots(pack.hashes, [one.size for one in (*trust.held, *notes)])
    # Without L1 nothing further holds: anybody could have added to what you held, or to what was cosigned.
    fits = [held.origin == note.origin and known.get(held.size) == held.root for held in trust.held]
    sizes = [held.size for held in trust.held]
    yield "L2", None if not fits else good if all(fits) else False, f"the log goes on from the {sizes} records that you held"
    stamps = [f"openssl ts -verify -data {one['note']} -in {one['receipt']} -CAfile YOURS.pem" for one in pack.about["stamps"]]
    yield "L3", None, f"time stamps: {'; '.join(stamps) or 'none in the pack'}"
    seen = max((one.size for one in notes if known.get(one.size) == one.root and trust.agreed(trust.quorum, one)), default=0)
    yield "L4", None if not trust.quorum else good if seen else False, f"the witnesses that you ask for have cosigned {seen} records"


def verified(pack: Pack, trust: Trust) -> Iterator[dict[str, Any]]:
    """Every check and every level, with what breaks it. That a check can't be made breaks it too."""
    for check in (check_files, check_records, check_completeness, check_proven, check_decisions, check_statements, check_duties):
        try:
            broken = list(check(pack))
        except Exception as error:  # noqa: BLE001  # Hostile bytes can trip anything, and must not pass by it.
            broken = [f"this can't be checked, because something in the pack is not where it belongs: {error!r}"]
        yield {"level": "L0", "holds": not broken, "what": check.__doc__, "broken": broken}
    yield from ({"level": level, "holds": holds, "what": what, "broken": []} for level, holds, what in levels(pack, trust))


def main() -> int:
    parser = argparse.ArgumentParser(description="Verifies an evidence pack of Lifecycle, offline.")
    parser.add_argument("pack", type=Path, help="the pack: its zip file, or the folder that it was unpacked to")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="FILE", help="what you knew before; may be repeated")
    parser.add_argument("--require", choices=("L0", "L1", "L2", "L3", "L4"), default="L0", help="fail below this level")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    asked, trust = parser.parse_args(), Trust()
    try:
        for file in asked.trust:
            trust.take(file.read_text(encoding="utf-8"))
        pack = Pack(asked.pack)
        results = list(verified(pack, trust))
    except Exception as error:  # noqa: BLE001  # Likewise: whatever it is, it is no pack that can be verified.
        print(f"There is nothing to verify: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    broken = min((one["level"] for one in results if one["holds"] is False), default="none")
    reached = max((one["level"] for one in results if one["holds"] and (broken == "none" or one["level"] < broken)), default="none")
    good = broken == "none" and reached >= asked.require
    if asked.json:
        print(json.dumps({"ok": good, "level": reached, "checks": results}, indent=2))
    else:
        for one in results:
            mark = {True: "holds", False: "BROKEN", None: "unknown"}[one["holds"]]
            print(f"{mark:7}  {one['level']}  {one['what']}", *one["broken"], sep="\n             ")
        for leaf in pack.happened("RolloutCompleted", "RolledBack"):
            serving = leaf.body.get("to_version", leaf.event["subject"]["version"])
            print(f"{leaf}: from here on {leaf.event['subject']['name']}:{serving} serves in {leaf.event['environment']}")
        why = "" if trust.log_keys else ", because a log whose key you do not know can only agree with itself: give it as --trust"
        print(f"{len(pack.leaves)} of {pack.checkpoint.size} records of {pack.checkpoint.origin}. Level reached: {reached}{why}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
