#!/usr/bin/env python3
"""Verifies an evidence pack of Lifecycle: one file, offline, with nothing but Python 3.10 or newer and `pip install cryptography`.

    python verify.py PACK.zip [--trust FILE]... [--require L2] [--json]

Run a copy of this file that you had before: one in a pack may be forged. What a pack proves depends on what you give as --trust:
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
from collections.abc import Iterable, Iterator, Sequence
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
    """The files of a pack; `about` is the list of them, which is believed nowhere, and `signers` are the keys that may sign it."""

    def __init__(self, path: Path, known_signers: Iterable[str] = ()) -> None:
        if path.is_dir():
            self.files = {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        else:
            archive = zipfile.ZipFile(path)
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > 2**30 or len({entry.filename for entry in entries}) < len(entries):
                raise ValueError("the pack is larger than 1 GiB, or a name stands twice in it, so that two readers could see two packs")
            self.files = {entry.filename: archive.read(entry) for entry in entries}
        self.about, self.checkpoint = json.loads(self.files["pack.json"]), Note(self.files["checkpoint"].decode())
        tiles = b"".join(content for name, content in sorted(self.files.items()) if name.startswith("tile/"))
        self.hashes = [tiles[at : at + 32] for at in range(0, len(tiles), 32)]
        self.proven = {sha256(content): content for name, content in self.files.items() if name.startswith("proven/")}
        places = {leaf: place for place, leaf in enumerate(self.hashes)}  # A record stands where the tree holds it, whatever anybody says.
        found = {place: one for one in self.files.values() if (place := places.get(hashlib.sha256(b"\x00" + one).digest())) is not None}
        self.leaves = [Leaf(place, found[place], event := json.loads(found[place]), event["body"]) for place in sorted(found)]
        self.signers = {*known_signers, *("sha256:" + leaf.body["signature_key"] for leaf in self.happened("ModelTrained"))}

    def begins_with(self, note: Note) -> bool:
        """Whether the log that is packed is the one of which a checkpoint was signed."""
        return note.origin == self.checkpoint.origin and note.size <= len(self.hashes) and root(self.hashes[: note.size]) == note.root

    def happened(self, *types: str) -> list[Leaf]:
        """The records of these types, in the order of the log."""
        return [leaf for leaf in self.leaves if leaf.event["type"] in types]

    def enrolled(self, place: int) -> list[Any]:
        """Every enrolment and registry of people up to a place of the log. A registry counts from the first record that names it."""
        found = dict[str, Any]()  # What is named again comes last again: the last word counts.
        naming = self.happened("PersonEnrolled", "KeyEnrolled", "GovernanceChanged", "DecisionMade")
        for leaf in (leaf for leaf in naming if leaf.place <= place):
            named = leaf.body["decision"]["policy"] if "decision" in leaf.body else leaf.body
            digest = str(named.get("people_digest") or named.get("registry_digest"))
            found[digest] = found.pop(digest, None) or json.loads(self.proven.get(digest, b"{}"))
            found |= {str(leaf): {"people": {leaf.body["person"]: leaf.body}}} if leaf.event["type"] == "PersonEnrolled" else {}
        return [*found.values()]

    def voids(self, digest: str, approval: Leaf, used_by: Leaf) -> list[Leaf]:
        """What keeps an approval from counting for what used it: it or its key was revoked before, or the key was in other hands then."""
        names, where = {digest, approval.body["envelope"]["key_id"]}, used_by.event["environment"]
        said = [leaf for leaf in self.happened("ApprovalRevoked", "KeyRevoked") if where == "local" or leaf.event["environment"] != "local"]
        found = [leaf for leaf in said if names & {leaf.body.get("statement_digest"), leaf.body.get("key_id")}]
        return [leaf for leaf in found if leaf.place < used_by.place or leaf.body.get("compromised_from", 10**9) <= approval.place]


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes (RFC 6962)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    middle = 1 << (len(leaves) - 1).bit_length() - 1  # The largest power of two that leaves something to the right.
    return hashlib.sha256(b"\x01" + root(leaves[:middle]) + root(leaves[middle:])).digest()


class Note:
    """A ledger checkpoint (C2SP tlog-checkpoint), signed: the log of this origin had this many records under this root."""

    def __init__(self, note: str) -> None:
        head, separator, tail = note.rpartition("\n\n")
        self.text, lines = head + "\n", head.split("\n")
        if not separator or len(lines) < 3 or not re.fullmatch(r"[!-*,-~]+\n(0|[1-9][0-9]{0,8})", "\n".join(lines[:2])):
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
    there = device[:32] == hashlib.sha256(passkey["rp_id"].encode()).digest() and device[32] & 5 == 5  # Flags: present, known.
    whole = len(device) == 37 or (len(device) > 37 and device[32] & 128 != 0)  # Nothing is behind it that no flag says (128: extensions).
    return right and alone and there and whole and signed(public, signature, device + hashlib.sha256(client).digest())


def check_files(pack: Pack) -> Iterator[str]:
    """Every file is listed under its digest, and no other is there; a record names what is in proven/, and who signed the list."""
    known = {entry["path"]: entry["digest"] for entry in (*pack.about["proven"], *pack.about["views"])}
    own = {"pack.json", "pack.sig", "checkpoint", *(f"leaves/{leaf.place:06}-{leaf.event['type']}.json" for leaf in pack.leaves)}
    yield from (f"{path} is missing" for path in sorted({*known, *own, *(one["path"] for one in pack.about["leaves"])} - {*pack.files, ""}))
    for path in sorted(path for path in {*pack.files} - {*own, *known} if not path.startswith("tile/")):
        yield f"{path} does not belong to the pack: {'the log does not hold it there' if path[:7] == 'leaves/' else 'nothing lists it'}"
    found = {path: sha256(pack.files[path]) for path in known if path in pack.files}
    yield from (f"{path} was altered: its digest is {found[path]}, not {known[path]}" for path in found if found[path] != known[path])
    unread, named = [leaf.stored for leaf in pack.leaves], {key.encode() for key in pack.signers}
    while unread:  # A file that a record names may name others.
        digests = set(re.findall(rb"sha256:[0-9a-f]{64}", unread.pop())) - named
        named |= digests
        unread += [content for digest in digests if (content := pack.proven.get(digest.decode())) and content[:1] == b"{"]
    yield from (f"{entry['path']} is named by no record" for entry in pack.about["proven"] if entry["digest"].encode() not in named)
    signature, listing = b64decode(pack.files.get("pack.sig", b"")), dsse("application/vnd.lifecycle.pack+json", pack.files["pack.json"])
    if not any(signed(pack.proven[key], signature, listing) for key in pack.signers if key in pack.proven):
        yield "pack.json was altered: pack.sig is no signature over it by a key that a record or you name, so the views may say anything"


def check_records(pack: Pack) -> Iterator[str]:
    """The records are in the tree of the signed root; none is missing that is listed, or that nobody pruned."""
    if len(pack.hashes) != pack.checkpoint.size or not pack.begins_with(pack.checkpoint):
        yield f"the tiles do not lead to the root over {pack.checkpoint.size} records: a tile or the checkpoint was altered"
    listed = {entry["index"] for entry in pack.about["leaves"] if not entry["path"]}
    pruned = [range(part["start"], min(part["end"], by.place)) for by in pack.happened("BodiesPruned") for part in by.body["ranges"]]
    for index in (index for index in sorted(listed) if not any(index in part for part in pruned)):
        yield f"record {index} has no bytes, and no record says that they were pruned"
    absent = {*range(*pack.about["range"])[: len(pack.hashes) + 1]} - listed - {leaf.place for leaf in pack.leaves}
    yield from (f"record {index} is within the period of the pack, and missing" for index in sorted(absent)[:1])


def check_decisions(pack: Pack) -> Iterator[str]:
    """Every decision was taken on the input that its record names, by a bundle that is here; nothing was rolled out or back without."""
    allowed = dict[tuple[str, str], list[str]]()
    for leaf in pack.happened("DecisionMade", "RolloutRequested", "RolloutStepReached", "RolloutCompleted", "RolledBack"):
        place = (leaf.body.get("to_digest", leaf.event["subject"]["digest"]), leaf.event["environment"])
        decision, ids = leaf.body.get("decision"), allowed.setdefault(place, [])
        if decision is None:
            if place[0] and (leaf.body.get("decision_id") or next(iter(ids), None)) not in ids:  # Without bytes, back to no version.
                yield f"{leaf} has no deployment decision before it that allows these bytes here"
            continue
        shown, result, bundle = decision["input"], decision["result"], decision["policy"]["bundle_digest"]
        ids += [decision["id"]] if decision["gate"] == "deployment" and result["allow"] else []
        exact = leaf.stored.partition(b'"input":')[2].rpartition(b',"input_digest":')[0]  # Canonical JSON (RFC 8785) within such.
        if sha256(exact) != decision["input_digest"] or json.loads(exact) != shown:
            yield f"{leaf}: the gate was shown another input than {decision['input_digest']}"
        said = [(shown["subject"][part], leaf.event["subject"][part]) for part in ("name", "version", "digest")]
        said += [(shown["target"]["environment"], leaf.event["environment"]), (shown["gate"], result["gate"])]
        said += [(result["allow"], result["outcome"] == "allow" and not result["violations"])]
        said += [(link["digest"], bundle) for link in leaf.event["inputs"] if link["role"] == "bundle"]
        yield from (f"{leaf} says {one!r} in one place and {other!r} in another" for one, other in said if one != other)
        if pack.about["version"] in (None, leaf.event["subject"]["version"]) and bundle not in pack.proven:
            yield f"{leaf}: the policy bundle {bundle} that it was taken by is missing"


def check_statements(pack: Pack) -> Iterator[str]:
    """What people signed was signed as what it counts for, by a key that was enrolled for them before."""
    for leaf in (leaf for leaf in pack.leaves if "envelope" in leaf.body):
        envelope, known, said = leaf.body["envelope"], pack.enrolled(leaf.place), json.loads(b64decode(leaf.body["envelope"]["payload"]))
        kind = "revocation" if leaf.event["type"].endswith("Revoked") else re.split("(?<=[a-z])(?=[A-Z])", leaf.event["type"])[0].lower()
        if envelope["payload_type"] != f"application/vnd.lifecycle.{kind}-statement+json":
            yield f"{leaf} holds what was signed as {envelope['payload_type']}"
        if kind == "governance" and not any(change.place < leaf.place for change in pack.happened("GovernanceChanged")):
            known += [json.loads(pack.proven.get(said["people_digest"], b"{}"))]  # The first registry is agreed to by people of its own.
        who = said.get("approver") or said["signer"]
        keys = [key for one in known for key in one.get("people", {}).get(who, {"keys": ()})["keys"] if key["id"] == envelope["key_id"]]
        if not any(signed_by_person(key, envelope) for key in keys):
            yield f"{leaf}: no key that was enrolled for {who} signed this"


def check_duties(pack: Pack) -> Iterator[str]:
    """Nobody approved their own work; each approval says what the gate was told, and counted once, in time and for these bytes."""
    payloads = [(leaf, b64decode(leaf.body["envelope"]["payload"])) for leaf in reversed(pack.happened("ApprovalGiven"))]
    given, used = {sha256(payload): (leaf, json.loads(payload)) for leaf, payload in payloads}, dict[str, Leaf]()
    for leaf in pack.happened("DecisionMade"):
        subject, shown, known = leaf.event["subject"], leaf.body["decision"]["input"], pack.enrolled(leaf.place)
        made = [one for one in pack.happened("ModelTrained") if one.event["subject"] == subject]
        makers = {name for one in made for name in (one.event["actor"]["id"], one.body["code_author"], *one.body["declared"]["members"])}
        makers |= {maker["id"] for maker in shown["subject"]["makers"]}
        counted, result = dict[str, set[str]](), leaf.body["decision"]["result"]
        for digest in leaf.body["consumed"]:
            approval, said = given.get(digest, (leaf, {}))
            shared = [one for one in shown["approvals"] if one["statement_digest"] == digest]
            if approval.place >= leaf.place or not shared:
                yield f"{leaf} uses an approval that no record before it holds: {digest}"
                continue
            who, void = said["approver"], pack.voids(digest, approval, leaf)
            told = {**shared[0], "decision": "approve", "model": subject["name"], "version": subject["version"]}
            meant = {**told, **said, "subject_digest": said["model_digest"], "approved_at_us": said["signed_at_us"]}
            yield from (f"{leaf}: what was signed has the {part} {meant[part]!r}" for part in told if told[part] != meant[part])
            people = {name: person for some in known for name, person in some.get("people", {}).items()}  # The last word on each.
            acting = [who, *(given["from"] for some in known for given in some.get("delegations", ()))]  # For whom somebody may act.
            counted[who] = {role for name in acting if name in people and not void for role in people[name]["roles"]}
            for wrong, what in (
                ({who, *told["also"]} & makers, f"{who} approved their own work"),
                (used.setdefault(digest, leaf) is not leaf, f"it uses the approval that {used[digest]} had used up"),
                (not said["signed_at_us"] <= shown["now_us"] < said["expires_at_us"], "it uses an approval outside of its time"),
                (said["model_digest"] != subject["digest"], "it uses an approval of other bytes"),
                (said["environment"] != leaf.event["environment"], "it uses an approval for another environment"),
                (bool(void), f"it uses what {who} signed, revoked before or with a key in other hands: {', '.join(map(str, void))}"),
            ):
                yield from [f"{leaf}: {what}"] if wrong else []
        for need in result["required_approvals"] if result["allow"] else ():
            if sum(need["role"] in roles for roles in counted.values()) < need["count"]:
                yield f"{leaf} allows without {need['count']} approvals of the role {need['role']}"


class Trust:
    """Everything that was given as --trust."""

    def __init__(self) -> None:
        self.log_keys, self.policy_keys = dict[str, tuple[int, int]](), dict[str, tuple[int, int]]()
        self.held, self.signers = list[Note](), set[str]()
        self.witnesses, self.groups, self.quorum = dict[str, str](), dict[str, tuple[int, list[str]]](), ""

    def take(self, text: str) -> None:
        """Takes one file in, told apart by what it says. Raises ValueError for what is nothing to trust."""
        if text.lstrip().startswith("{"):
            file = json.loads(text)
            keys = [(one.pop("key"), one.pop("from_size"), one.pop("until_size")) for one in file["log_keys"]]
            self.log_keys |= {key: (start, 10**9 if end is None else end) for key, start, end in keys}
            known = {"schema_version", "origin", "log_keys", "policy", "checkpoints", "tsa_certificates"}
            if {*file} - known or any(file["log_keys"]) or {taken_apart(key)[0] for key, *_ in keys} - {file["origin"]}:
                raise ValueError("the trust file says more than is understood here, or has a key of another log")
            for part in (file["policy"], *file["checkpoints"], *file["tsa_certificates"]):
                self.take(part)
        elif "-----BEGIN" in text:  # The key that signs packs, in place of records that name it; or a certificate, which openssl reads.
            self.signers.add(sha256(text.encode()))
        elif "\n\n\u2014 " in text:
            self.held.append(Note(text))
        elif re.fullmatch(r"[^\s+]+\+[0-9a-f]{8}\+\S+", text.strip()):
            self.log_keys.setdefault(text.strip(), (0, 10**9))
        else:
            lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
            self.policy_keys |= {words[1]: (0, 10**9) for words in lines if words[0] == "log"}
            self.witnesses |= {words[1]: words[2] for words in lines if words[0] == "witness"}
            for _, name, count, *members in (words for words in lines if words[0] == "group"):
                self.groups[name] = ({"any": 1, "all": len(members)}.get(count) or int(count), members)
            quorum = dict(words for words in lines if words[0] == "quorum")["quorum"]
            self.quorum = self.quorum if quorum == "none" else quorum

    def log_keys_after(self, leaves: Sequence[Leaf]) -> dict[str, tuple[int, int]]:
        """The keys of the log, and of how many records each may sign: those that are trusted, and those that they lead to."""
        changes, follows = list[tuple[str, str, int, int]](), dict[str, str]()
        keys, changed = dict(self.log_keys or self.policy_keys), set[str]()
        for body in (leaf.body for leaf in leaves):
            with suppress(AttributeError, KeyError, TypeError, ValueError):  # What is no change of a key changes nothing.
                old, new, first, last = (body[part] for part in ("old_key", "new_key", "from_size", "old_until_size"))
                text = f"lifecycle log-key rotation v1\nold {old}\nnew {new}\nfrom {first}\nuntil {last}\nreason {body['reason']}\n"
                (name, _, one), (same, _, other), by = taken_apart(old), taken_apart(new), (body["old_signature"], body["new_signature"])
                both = all(signed(key[1:], b64decode(mark), text.encode()) for key, mark in zip((one, other), by, strict=True))
                if both and name == same and one != other and first <= last + 1:
                    changes.append((old, new, first, last))
        for old, new, _, _ in reversed(changes):  # Backwards first: who trusts the newest key learns of those before it.
            if new in keys and old not in keys:
                keys[old], follows[old] = (0, 10**9), new
        over, before = {key for key, (_, last) in self.log_keys.items() if last < 10**9}, {*keys}
        for old, new, first, last in changes:
            (start, end), known = keys.get(old, (0, -1)), keys.get(new, (0, 10**9))
            heir = (old not in over or new in before) and follows.get(old, new) == new  # A key that is known to be over has a known heir.
            if start < first <= end + 1 and old not in changed and heir:  # A key hands over once, and not after its end.
                keys |= {old: (start, min(last, end)), new: (max(first, known[0]), known[1])}
                changed.add(old)
        return keys

    def agreed(self, name: str, note: Note) -> bool:
        """Whether a witness, or enough members of a group, cosigned a note."""
        needed, members = self.groups.get(name, (1, []))
        return note.signed_by(self.witnesses[name]) if name in self.witnesses else sum(self.agreed(one, note) for one in members) >= needed


def verified(pack: Pack, trust: Trust) -> Iterator[tuple[str, bool | None, str, list[str]]]:
    """Every check and every level; whether it holds (None: nothing that you gave can say), what it is, and what breaks it or hinders it."""
    for check in (check_files, check_records, check_decisions, check_statements, check_duties):
        yield "L0", not (broken := list(check(pack))), str(check.__doc__), broken
    gone, streams = sum(not entry["path"] for entry in pack.about["leaves"]), {stream: {0} for stream in pack.about["streams"]}
    for leaf in pack.leaves:  # The records on one subject are numbered from 1.
        streams.setdefault("{kind}/{name}".format_map(leaf.event["subject"]), {0}).add(leaf.event.get("sequence", 0))
    for stream, numbers in sorted(streams.items()):
        last = min(max(listed := pack.about["streams"].get(stream, 0), *numbers), len(pack.hashes))
        missing = {*range(1, last + 1)} - numbers
        why = [f"number {min(missing)} of the {last} records on {stream} is missing"] if listed and len(missing) > gone else []
        yield "L0", not why and (not missing or None), f"All of the first {last} records on {stream} are here.", why
    yield "L0", len(pack.leaves) == pack.checkpoint.size or None, f"All records are here: {len(pack.leaves)} of {pack.checkpoint.size}.", []
    for taken in pack.happened("ApprovalRevoked"):
        used_by = [str(leaf) for leaf in pack.happened("DecisionMade") if taken.body["statement_digest"] in leaf.body["consumed"]]
        yield "L0", None, f"{taken} takes back an approval: see that nothing rests on it any more ({', '.join(used_by) or 'unused'}).", []
    yield "L0", None, "That the rules of a bundle decide so; waivers; who acts through teams or groups: not checked here.", []
    note, keys = pack.checkpoint, trust.log_keys_after(pack.happened("LogKeyRotated"))
    mine = [key for key, (first, last) in keys.items() if key.startswith(f"{note.origin}+") and first <= note.size <= last]
    good = any(map(note.signed_by, mine)) if keys else None  # Without this, anybody could have added to what you held, or was cosigned.
    why = [f"you gave keys of the log {name!r} only" for name in sorted({key.partition("+")[0] for key in keys}) if not mine]
    yield "L1", good, f"the checkpoint of {note.size} records of {note.origin!r} is signed by a key that you gave", why
    later = [held for held in trust.held if held.origin == note.origin and held.size > note.size]
    why = [f"the pack ends before the {held.size} records that you held: ask for a newer one to judge what came after" for held in later]
    fits = all(pack.begins_with(held) for held in trust.held if held not in later)
    yield "L2", False if not fits else good if trust.held and not later else None, "the log goes on from the checkpoints that you held", why
    notes = {name: Note(text.decode()) for name, text in pack.files.items() if re.fullmatch(r"anchors/[a-z0-9-]+\.checkpoint", name)}
    stamps = {name: name.replace(".checkpoint", ".tsr") for name in notes if name.replace(".checkpoint", ".tsr") in pack.files}
    other = [f"{name} is not of this log" for name in stamps if not pack.begins_with(notes[name])]
    runs = "".join(f"openssl ts -verify -data {name} -in {stamp} -CAfile YOURS.pem; " for name, stamp in stamps.items() if not other)
    yield "L3", False if other else None, f"time stamps, to be verified like this: {runs or 'none; '}"[:-2], other
    seen = max((one.size for one in notes.values() if trust.agreed(trust.quorum, one) and pack.begins_with(one)), default=0)
    strange = "".join(f"; keys of kind {kind} are unknown" for kind in {taken_apart(key)[2][0] for key in trust.witnesses.values()} - {4})
    yield "L4", good if seen else None if strange or not trust.quorum else False, f"your witnesses cosigned {seen} records{strange}", []


def main() -> int:
    parser = argparse.ArgumentParser(description="Verifies an evidence pack of Lifecycle, offline.")
    parser.add_argument("pack", type=Path, help="the pack: its zip file, or the folder that it was unpacked to")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="FILE", help="what you knew before; may be repeated")
    parser.add_argument("--require", choices=("L0", "L1", "L2", "L4"), default="L0", help="fail where this is not shown")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    asked, trust = parser.parse_args(), Trust()
    try:
        for file in asked.trust:
            trust.take(file.read_text(encoding="utf-8"))
        results = list(verified(Pack(asked.pack, trust.signers), trust))
    except Exception as error:  # noqa: BLE001  # Likewise: whatever it is, it is no pack that can be verified.
        print(f"There is nothing to verify: {type(error).__name__}: {error!s}".encode("unicode_escape").decode(), file=sys.stderr)
        return 2
    broken = min((level for level, holds, _, _ in results if holds is False), default="none")
    reached = max((level for level, holds, _, _ in results if holds and level < broken), default="none")
    good = (asked.require, True) in [row[:2] for row in results] and not any(holds is False or why for _, holds, _, why in results)
    marks = {True: "holds", False: "BROKEN", None: "unknown"}
    report = [{"level": level, "holds": holds, "what": what, "broken": why} for level, holds, what, why in results]
    lines = [line for level, holds, what, why in results for line in (f"{marks[holds]:7}  {level}  {what}", *("  - " + one for one in why))]
    text = "\n".join(line.encode("unicode_escape").decode() for line in lines)  # Names of others move no cursor, and begin no line.
    print(json.dumps({"ok": good, "level": reached, "checks": report}, indent=2) if asked.json else f"{text}\nLevel reached: {reached}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
