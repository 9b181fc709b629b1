"""Registries of people that tests write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lifecycle.approvals.keys import create_key, key_id_of
from lifecycle.approvals.people import Registry


def write(path: Path, *people: dict[str, Any], groups: Any = (), delegations: Any = ()) -> Path:
    """A people.yaml (JSON is YAML) with these people."""
    path.write_text(json.dumps({"people": list(people), "groups": list(groups), "delegations": list(delegations)}))
    return path


def somebody(person_id: str, folder: Path | None = None, **fields: Any) -> dict[str, Any]:
    """A person; with a folder, one with a key whose private half lies there as ID.key."""
    keys = []
    if folder is not None:
        public = create_key(folder / f"{person_id}.key")
        keys = [{"id": key_id_of(public), "public": public}]
    return {"id": person_id, "keys": keys, **fields}


def registry(folder: Path, *people: dict[str, Any], **rest: Any) -> Registry:
    """The registry of one file with these people."""
    return Registry.load(write(folder / "people.yaml", *people, **rest), None)
