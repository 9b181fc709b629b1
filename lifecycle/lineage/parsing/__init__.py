"""Exports read back: the graph that a file carries, and the ledger checkpoint that it was written at.

Whoever got an export holds it so against another one, or against the ledger. Nothing is verified here: a signature, a digest or a
checkpoint is for whoever holds the key.
"""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle.lineage.parsing.cyclonedx import parse_cyclonedx
from lifecycle.lineage.parsing.exported import Exported, Parser
from lifecycle.lineage.parsing.in_toto import parse_in_toto
from lifecycle.lineage.parsing.openlineage import parse_openlineage
from lifecycle.lineage.parsing.prov import parse_prov

#: What reads a file of each format of `lineage.export.FORMATS`.
PARSERS: Mapping[str, Parser] = {
    "openlineage": parse_openlineage,
    "prov": parse_prov,
    "cyclonedx": parse_cyclonedx,
    "in-toto": parse_in_toto,
}

__all__ = ["PARSERS", "Exported", "parse_cyclonedx", "parse_in_toto", "parse_openlineage", "parse_prov"]
