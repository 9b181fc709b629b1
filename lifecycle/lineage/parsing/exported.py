"""What an export says once it is read back, and the one error of a file that says nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from lifecycle.errors import MalformedRecord
from lifecycle.lineage.graph import Graph
from lifecycle.records.record import JsonObject


@dataclass(frozen=True)
class Exported:
    """The graph of an export, without its facts and with its edges sorted, and how far the ledger reached when it was written.

    `stamp` has `size` and `checkpoint` (a signed note; empty before the first). It is None where a format with nothing to tell has no
    place for it: a file of OpenLineage events without any event.
    """

    graph: Graph
    stamp: JsonObject | None


Parser = Callable[[bytes], Exported]


def refusing(form: str) -> Callable[[Parser], Parser]:
    """Makes a parser raise MalformedRecord, and nothing else, for bytes that are no export of ours in its format."""

    def decorated(parse: Parser) -> Parser:
        @functools.wraps(parse)
        def parsed(content: bytes) -> Exported:
            try:
                return parse(content)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, ValidationError) as error:
                raise MalformedRecord(f"This is no lineage in {form} as Lifecycle writes it: {error}.", "Export it again.") from error

        return parsed

    return decorated
