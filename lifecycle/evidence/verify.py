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
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


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
        self.proven = {sha256(content): content for entry in self.about["proven"] if (content := self.files.get(entry["path"]))}
        self.leaves: list[Leaf] = []
        for index, stored in sorted((entry["index"], self.files.get(entry["path"], b"")) for entry in self.about["leaves"]):
            if self.hashes[index : index + 1] == [hashlib.sha256(b"\x00" + stored).digest()]:  # What the tree does not hold is not read.
                self.leaves.append(Leaf(index, stored, event := json.loads(stored), event["body"]))

    def begins_with(self, note: Note) -> bool:
        """Whether the log that is packed is the one of which a checkpoint was signed."""
        here = note.origin == self.checkpoint.origin and note.size <= len(self.hashes)
        return here and root(self.hashes[: note.size]) == note.root

    def happened(self, *types: str) -> list[Leaf]:
        """The records of these types, in the order of the log."""
        return [leaf for leaf in self.leaves if leaf.event["type"] in types]


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes (RFC 6962)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    middle = 1 << (len(leaves) - 1).bit_length() - 1  # The largest power of two that leaves something to the right.
    return hashlib.sha256(b"\x01" + root(leaves[:middle]) + root(leaves[middle:])).digest()


def tile_names(size: int) -> Iterator[str]:
    """The tiles (C2SP tlog-tiles) that hold the leaf hashes of a tree, 256 each: tile/0/000, …, tile/0/x001/234, tile/0/x001/235.p/17."""
    for number in range((size + 255) // 256):
        width, (*folders, last) = min(size - number * 256, 256), f"{number:,}".split(",")
        yield f"tile/0/{''.join(f'x{folder:0>3}/' for folder in folders)}{last:0>3}" + (f".p/{width}" if width < 256 else "")


class Note:
    """A ledger checkpoint (C2SP tlog-checkpoint), signed: the log of this origin had this many records under this root."""

    def __init__(self, note: str) -> None:
        head, separator, tail = note.rpartition("\n\n")
        self.text, lines = head + "\n", head.split("\n")
        if not separator or len(lines) < 3 or not re.fullmatch(r"0|[1-9][0-9]{0,8}", lines[1]):
            raise ValueError("this is not a signed ledger checkpoint")
        self.origin, self.size, self.root = lines[0], int(lines[1]), b64decode(lines[2], validate=True)
        self.signatures = [(name, b64decode(blob)) for name, blob in re.findall(r"^\u2014 (\S+) (\S+)$", tail, re.MULTILINE)]

    def signed_by(self, verifier_key: str) -> bool:
        """Whether a signature is by this key, whose first byte is its kind: 1 of a log, 4 of a witness, who signs the time as well."""
        name, key_id, key = taken_apart(verifier_key)
        blob = next((blob for who, blob in self.signatures if who == name and blob[:4] == key_id), b"")
        time = b"" if key[0] == 1 else b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[4:12], "big")
        return signed(key[1:], blob[4:] if key[0] == 1 else blob[12:], time + self.text.encode())


def taken_apart(verifier_key: str) -> tuple[str, bytes, bytes]:
    """The name, the id and the bytes of a key `name+id+base64` (C2SP signed-note). Raises ValueError where the id is another."""
    name, key_id, key = verifier_key.split("+", 2)
    if hashlib.sha256(name.encode() + b"\n" + b64decode(key)).digest()[:4].hex() != key_id:
        raise ValueError(f"the id in {verifier_key} is not that of the key")
    return name, bytes.fromhex(key_id), b64decode(key)


def signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature holds, by its key's length: of Ed25519 (32 bytes; 42 as COSE, RFC 9053), P-256 (77 as COSE), or ECDSA (PEM)."""
    try:
        if len(public) in (32, 42):
            return ed25519.Ed25519PublicKey.from_public_bytes(public[-32:]).verify(signature, message) is None
        point = len(public) == 77 and b"\x04" + public[10:42] + public[45:]
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point) if point else serialization.load_pem_public_key(public)
        return isinstance(key, ec.EllipticCurvePublicKey) and key.verify(signature, message, ec.ECDSA(hashes.SHA256())) is None
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False


def dsse(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature is over: type and bytes, so that what was signed as one thing never passes as another."""
    return b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type.encode(), len(payload), payload)


def signed_by_person(key: Any, envelope: Any) -> bool:
    """Whether a person's key signed an envelope; of a passkey, whether it was asked to (Web Authentication Level 2, §7.2)."""
    public, signature = b64decode(key["public"]), b64decode(envelope["signature"])
    message = dsse(envelope["payload_type"], b64decode(envelope["payload"]))
    passkey, assertion = key.get("passkey"), envelope.get("assertion")
    if passkey is None or assertion is None:
        return passkey is assertion and signed(public, signature, message)
    client, device = b64decode(assertion["client_data"]), b64decode(assertion["authenticator_data"])
    asked, challenge = json.loads(client), urlsafe_b64encode(hashlib.sha256(message).digest()).decode().rstrip("=")
    right = [asked[part] for part in ("type", "challenge", "origin")] == ["webauthn.get", challenge, passkey["origin"]]
    alone = asked.get("crossOrigin", False) is False and "topOrigin" not in asked  # In no frame of another page.
    # The authenticator names the site, and in its flags says that somebody was there (1), and that it made sure who (4).
    there = device[:32] == hashlib.sha256(passkey["rp_id"].encode()).digest() and device[32] & 5 == 5
    whole = len(device) == 37 or (len(device) > 37 and device[32] & 128 != 0)  # Nothing is behind it that no flag says (128: extensions).
    return right and alone and there and whole and signed(public, signature, device + hashlib.sha256(client).digest())


def check_files(pack: Pack) -> Iterator[str]:
    """Every file is listed under its digest, there is no other, and the key that signed the models signed the list."""
    listed = {entry["path"]: entry["digest"] for entry in (*pack.about["proven"], *pack.about["views"])}
    own = {"pack.json", "pack.sig", "checkpoint", *tile_names(pack.checkpoint.size), *(entry["path"] for entry in pack.about["leaves"])}
    yield from (f"{path} is missing" for path in sorted({*listed, *own} - {*pack.files, ""}))
    yield from (f"{path} does not belong to the pack: nothing lists it" for path in sorted({*pack.files} - {*listed, *own}))
    found = {path: sha256(pack.files[path]) for path in listed if path in pack.files}
    yield from (f"{path} was altered: its digest is {found[path]}, not {listed[path]}" for path in found if found[path] != listed[path])
    public, signature = pack.proven.get(pack.about["signing_key"], b""), b64decode(pack.files.get("pack.sig", b""))
    keys = {leaf.body["signature_key"] for leaf in pack.happened("ModelTrained")} or {hashlib.sha256(public).hexdigest()}
    listing = dsse("application/vnd.lifecycle.pack+json", pack.files["pack.json"])
    if not signed(public, signature, listing) or hashlib.sha256(public).hexdigest() not in keys:
        yield "pack.json was altered: pack.sig is no signature over it by a key that signed these models, so the views may say anything"


def check_records(pack: Pack) -> Iterator[str]:
    """Every record is what the tree holds in its place, the tree has the signed root, and none is missing of a whole subject or period."""
    if len(pack.hashes) != pack.checkpoint.size or not pack.begins_with(pack.checkpoint):
        yield f"the tiles do not lead to the root over {pack.checkpoint.size} records: a tile or the checkpoint was altered"
    events, streams = {leaf.place: leaf.event for leaf in pack.leaves}, dict[str, list[int | None]]()
    pruned = [range(part["start"], part["end"]) for leaf in pack.happened("BodiesPruned") for part in leaf.body["ranges"]]
    for entry in pack.about["leaves"]:
        if entry["path"] and entry["index"] not in events:
            yield f"{entry['path']} was altered, moved or made up: the log holds other bytes in the place {entry['index']}"
        elif not entry["path"] and not any(entry["index"] in part for part in pruned):
            yield f"record {entry['index']} has no bytes, and no record says that they were pruned"
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
        unread += [content for digest in found if (content := pack.proven.get(digest.decode())) and content[:1] == b"{"]
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


def check_statements(pack: Pack) -> Iterator[str]:
    """Whatever people signed was signed by a key that was enrolled for them before, and says what its record says."""
    enrolled = [(leaf.place, leaf.body["person"], leaf.body["keys"]) for leaf in pack.happened("PersonEnrolled")]
    named = [json.loads(pack.proven.get(entry["digest"], b"{}")) for entry in pack.about["proven"] if entry["role"] == "people"]
    enrolled += [(0, name, person["keys"]) for registry in named for name, person in registry.get("people", {}).items()]
    for leaf in (leaf for leaf in pack.leaves if "envelope" in leaf.body):
        said, envelope, event = json.loads(b64decode(leaf.body["envelope"]["payload"])), leaf.body["envelope"], leaf.event
        who = said.get("approver") or said["signer"]
        owned = [key for place, name, keys in enrolled if name == who and place <= leaf.place for key in keys]
        if not any(signed_by_person(key, envelope) for key in owned if key["id"] == envelope["key_id"]):
            yield f"{leaf}: no key that was enrolled for {who} signed this"
        wanted = {"approver": event["actor"]["id"], "signer": event["actor"]["id"], "environment": event["environment"]}
        wanted |= {"model": event["subject"]["name"], "version": event["subject"]["version"], "model_digest": event["subject"]["digest"]}
        wanted |= {"decision": "approve" if event["type"] == "ApprovalGiven" else "reject"}
        yield from (
            f"{leaf}: what was signed has the {part} {said[part]!r}" for part in wanted if said.get(part, wanted[part]) != wanted[part]
        )


def check_duties(pack: Pack) -> Iterator[str]:
    """Nobody approved their own work, each approval counted once, in time and for these bytes, and nothing was rolled out without."""
    given = {sha256(b64decode(leaf.body["envelope"]["payload"])): leaf for leaf in reversed(pack.happened("ApprovalGiven"))}
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
            said, key = json.loads(b64decode(approval.body["envelope"]["payload"])), approval.body["envelope"]["key_id"]
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
            for role, count in ((need["role"], need["count"]) for need in decision["result"]["required_approvals"]):
                if len({one["approver"] for one in counted if role in one["roles"]}) < count:
                    yield f"{leaf} allows without {count} approvals of the role {role}"
    for leaf in pack.happened("RolloutRequested"):
        before, place = allowing.get(leaf.body["decision_id"], leaf), (leaf.event["subject"], leaf.event["environment"])
        if before.place >= leaf.place or (before.event["subject"], before.event["environment"]) != place:
            yield f"{leaf} has no deployment decision before it that allows these bytes here"


class Trust:
    """Everything that was given as --trust."""

    def __init__(self) -> None:
        self.log_keys, self.held, self.certificates = dict[str, tuple[int, int]](), list[Note](), list[str]()
        self.witnesses, self.groups, self.quorum = dict[str, str](), dict[str, tuple[int, list[str]]](), ""

    def take(self, text: str) -> None:
        """Takes one file in, told apart by what it says. Raises ValueError for what is nothing to trust."""
        if text.lstrip().startswith("{"):
            file = json.loads(text)
            for key, first, last in ((entry["key"], entry["from_size"], entry["until_size"]) for entry in file["log_keys"]):
                self.log_keys[key] = (first, 10**9 if last is None else last)
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

    def log_keys_after(self, leaves: Sequence[Leaf]) -> dict[str, tuple[int, int]]:
        """The keys of the log, and of how many records each may sign: those that are trusted, and those that they lead to."""
        changes, keys, changed = list[tuple[str, str, int, int]](), dict(self.log_keys), set[str]()
        for body in (leaf.body for leaf in leaves):
            with suppress(AttributeError, KeyError, TypeError, ValueError):  # What is no change of a key changes nothing.
                old, new, first, last = (body[part] for part in ("old_key", "new_key", "from_size", "old_until_size"))
                text = f"lifecycle log-key rotation v1\nold {old}\nnew {new}\nfrom {first}\nuntil {last}\nreason {body['reason']}\n"
                (name, _, one), (same, _, other), by = taken_apart(old), taken_apart(new), (body["old_signature"], body["new_signature"])
                both = all(signed(key[1:], b64decode(mark), text.encode()) for key, mark in zip((one, other), by, strict=True))
                if both and name == same and one != other and first <= last + 1:
                    changes.append((old, new, first, last))
        for old, new, _, _ in reversed(changes):  # Backwards first: who trusts the newest key learns of those before it.
            if new in keys:
                keys.setdefault(old, (0, 10**9))
        for old, new, first, last in changes:
            (start, end), known = keys.get(old, (0, -1)), keys.get(new, (0, 10**9))
            if start < first <= end + 1 and old not in changed:  # A key hands over once, and not after its end.
                keys |= {old: (start, min(last, end)), new: (max(first, known[0]), known[1])}
                changed.add(old)
        return keys

    def agreed(self, name: str, note: Note) -> bool:
        """Whether a witness, or enough members of a group, cosigned a note."""
        needed, members = self.groups.get(name, (1, []))
        return note.signed_by(self.witnesses[name]) if name in self.witnesses else sum(self.agreed(one, note) for one in members) >= needed


def verified(pack: Pack, trust: Trust) -> Iterator[tuple[str, bool | None, str, list[str]]]:
    """Every check and every level; whether it holds (None: nothing that you gave can say), what it is, and what breaks it or hinders it."""
    for check in (check_files, check_records, check_proven, check_decisions, check_statements, check_duties):
        try:
            broken = list(check(pack))
        except Exception as error:  # noqa: BLE001  # Hostile bytes can trip anything, and must not pass by it.
            broken = [f"this can't be checked, because something in the pack is not where it belongs: {error!r}"]
        yield "L0", not broken, str(check.__doc__), broken
    note, keys = pack.checkpoint, trust.log_keys_after(pack.happened("LogKeyRotated"))
    mine = [key for key, (first, last) in keys.items() if key.startswith(f"{note.origin}+") and first <= note.size <= last]
    good = any(map(note.signed_by, mine)) if keys else None
    yield "L1", good, f"the checkpoint of {note.size} records of {note.origin} is signed by a key that you gave", []
    # Without L1 nothing further holds: anybody could have added to what you held, or to what was cosigned.
    later = [held for held in trust.held if held.origin == note.origin and held.size > note.size]
    why = [f"the pack ends before the {held.size} records that you held: ask for a newer one to judge what came after" for held in later]
    fits = all(pack.begins_with(held) for held in trust.held if held not in later)
    yield "L2", False if not fits else good if trust.held and not later else None, "the log goes on from the checkpoints that you held", why
    stamps = [f"openssl ts -verify -data {one['note']} -in {one['receipt']} -CAfile YOURS.pem" for one in pack.about["stamps"]]
    yield "L3", None, f"time stamps: {'; '.join(stamps) or 'none in the pack'}", []
    notes = [Note(pack.files.get(path, b"").decode()) for path in pack.about["notes"]]
    seen = max((one.size for one in notes if trust.agreed(trust.quorum, one) and pack.begins_with(one)), default=0)
    yield "L4", None if not trust.quorum else good if seen else False, f"the witnesses that you ask for have cosigned {seen} records", []


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
    broken = min((level for level, holds, _, _ in results if holds is False), default="none")
    reached = max((level for level, holds, _, _ in results if holds and level < broken), default="none")
    good = reached >= asked.require and not any(holds is False or why for _, holds, _, why in results)
    if asked.json:
        checks = [{"level": level, "holds": holds, "what": what, "broken": why} for level, holds, what, why in results]
        print(json.dumps({"ok": good, "level": reached, "checks": checks}, indent=2))
    else:
        for level, holds, what, why in results:
            mark = {True: "holds", False: "BROKEN", None: "unknown"}[holds]
            print(f"{mark:7}  {level}  {what}", *why, sep="\n             ")
        for leaf in pack.happened("RolloutCompleted", "RolledBack"):
            serving = leaf.body.get("to_version", leaf.event["subject"]["version"])
            print(f"{leaf}: from here on {leaf.event['subject']['name']}:{serving} serves in {leaf.event['environment']}")
        print(f"{len(pack.leaves)} of {pack.checkpoint.size} records of {pack.checkpoint.origin}. Level reached: {reached}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
