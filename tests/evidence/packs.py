"""Packs in tests: made from a house, taken apart, put together again as an attacker would, and verified by the program alone."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from lifecycle.evidence.drafting import draft_of
from lifecycle.evidence.layout import zipped
from lifecycle.evidence.pack import PACK_TYPE, Scope, write_pack
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records.record import canonical_bytes, digest_of
from tests.evidence.house import VERIFY, House

VERSION_1 = Scope("credit", 1)
VIEWS = {"index.html": b"<p>What it says</p>", "views/card.md": b"# A card"}


def packed(house: House, scope: Scope = VERSION_1) -> bytes:
    """The evidence pack of a house."""
    target = BytesIO()
    write_pack(target, draft_of(house.url, house.artifacts, scope), VIEWS, house.signer)
    return target.getvalue()


def files_of(pack: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(pack)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rebuilt(pack: bytes, alter: Callable[[dict[str, bytes]], object]) -> bytes:
    """The pack after somebody altered its files."""
    files = files_of(pack)
    alter(files)
    return zipped(files, [])


def listed_anew(files: dict[str, bytes], alter: Callable[[Any], object]) -> None:
    """Alters pack.json, as somebody does who does not have the key to sign it."""
    about = json.loads(files["pack.json"])
    alter(about)
    files["pack.json"] = canonical_bytes(about)


def signed_anew(files: dict[str, bytes], house: House) -> None:
    """Signs pack.json again, as somebody does who stole the key that signs the models."""
    listed = files["pack.json"]
    files["pack.sig"] = base64.b64encode(house.signer.sign(pre_authentication(PACK_TYPE, listed)))


def relisted(files: dict[str, bytes], path: str, content: bytes) -> None:
    """Puts other bytes under a path, and their digest into the list."""

    def alter(about: Any) -> None:
        for entry in (*about["proven"], *about["views"]):
            if entry["path"] == path:
                entry["digest"] = digest_of(content)

    files[path] = content
    listed_anew(files, alter)


@dataclass(frozen=True)
class Result:
    """What the program said."""

    code: int
    said: Any
    errors: str

    @property
    def level(self) -> str:
        return str(self.said["level"])

    @property
    def broken(self) -> list[str]:
        """Everything that it found to be broken, check by check and level by level."""
        found = [one for check in self.said["checks"] for one in check["broken"]]
        return found + [check["what"] for check in self.said["checks"] if check["holds"] is False and not check["broken"]]

    def at(self, level: str) -> bool | None:
        """Whether a level past L0 holds; None where nothing was given to hold it against."""
        (first, *_) = [check["holds"] for check in self.said["checks"] if check["level"] == level]
        assert first is None or isinstance(first, bool)
        return first


def verify(pack: bytes | Path, folder: Path, *trust: str | bytes, options: tuple[str, ...] = ()) -> Result:
    """Runs a copy of verify.py in a bare interpreter, in a folder where nothing of ours can be imported."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "verify.py"
    program.write_bytes(VERIFY.read_bytes())
    target = pack if isinstance(pack, Path) else folder / "pack.zip"
    if isinstance(pack, bytes):
        target.write_bytes(pack)
    arguments = []
    for number, text in enumerate(trust):
        file = folder / f"trust-{number}"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        arguments += ["--trust", str(file)]
    outcome = subprocess.run(
        [sys.executable, "-I", str(program), str(target), *arguments, "--json", *options],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(outcome.returncode, json.loads(outcome.stdout) if outcome.stdout else None, outcome.stderr)
