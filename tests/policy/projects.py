"""Small governance folders that a test can break."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def copied(governance: Path, folder: Path) -> Path:
    """A copy of this project's governance that a test may write to."""
    target = folder / "governance"
    shutil.copytree(governance, target)
    return target


def edit(governance: Path, name: str, old: str, new: str) -> None:
    """Replaces a text in one file, which must have it."""
    path = governance / name
    text = path.read_text()
    assert old in text, f"{name} does not say {old!r}"
    path.write_text(text.replace(old, new))


def with_decision(governance: Path, decision: str) -> Path:
    """The folder, with a rollback gate that decides this and registers one rule."""
    (governance / "policies" / "gates" / "rollback" / "rollback.rego").write_text(
        f"""package gov.rollback

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.rollback]
{decision}

# METADATA
# title: Something
# description: Something is not so.
# custom:
#   rule: RBK-001
#   severity: critical
#   controls: []
#   fix: Make it so.
passed contains "RBK-001" if input.evidence.to_revoked == false
"""
    )
    return governance


def answer(**changes: object) -> str:
    """A Rego object that is a whole, consistent allowance of the rollback gate, with these changes."""
    value: dict[str, object] = {
        "schema_version": "gov.decision/1",
        "gate": "rollback",
        "allow": True,
        "outcome": "allow",
        "violations": [],
        "waived": [],
        "warnings": [],
        "evaluated": ["RBK-001"],
        "obligations": [],
        "required_approvals": [],
        **changes,
    }
    return json.dumps(value)
