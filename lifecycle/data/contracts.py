"""A contract and the rows that break it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lifecycle.data.rejection import failure
from lifecycle.errors import InvalidDeclaration
from lifecycle.records.bodies.data import ContractFailure
from lifecycle.records.manifest import Bounds
from lifecycle.records.record import Digest, canonical_bytes, digest_of

if TYPE_CHECKING:
    from pandas import DataFrame
    from pandera.pandas import Check, DataFrameSchema

    from lifecycle.data.spec import Contract


def schema_of(contract: Contract) -> DataFrameSchema:
    """The pandera schema of a contract. Raises InvalidDeclaration where its function gives something else."""
    from pandera.pandas import DataFrameSchema

    schema = contract.schema_factory()
    if not isinstance(schema, DataFrameSchema):
        raise InvalidDeclaration(
            f"The contract {contract.name} gives a {type(schema).__name__}.", "Have its function return a pandera DataFrameSchema."
        )
    return schema


def contract_digest(contract: Contract) -> Digest:
    """The digest of what the schema says: per column its type, whether it may be missing, and its checks with their bounds.

    A check of your own counts by its name: give it another name when it changes.
    """
    columns = {
        name: {
            "type": str(column.dtype),
            "nullable": bool(column.nullable),
            "unique": bool(column.unique),
            "checks": [{"name": str(check.name), "bounds": repr(sorted((check.statistics or {}).items()))} for check in column.checks],
        }
        for name, column in schema_of(contract).columns.items()
    }
    return digest_of(canonical_bytes({"name": contract.name, "columns": columns}))


def number_bounds(contract: Contract, numbers: tuple[str, ...]) -> dict[str, Bounds]:
    """What the contract permits of each of these columns, by its checks of size; a column without one is left out.

    A bound that is not included becomes the next double inside. Raises InvalidDeclaration where two checks leave no number.
    """
    columns = schema_of(contract).columns
    found: dict[str, Bounds] = {}
    for name in numbers:
        sizes = [edges for check in (columns[name].checks if name in columns else ()) for edges in _edges(check)]
        least, most = max((low for low, _ in sizes), default=-math.inf), min((high for _, high in sizes), default=math.inf)
        if least > most:
            raise InvalidDeclaration(
                f"The contract {contract.name} permits no number in the column {name}.", "Correct the checks of that column."
            )
        if (least, most) != (-math.inf, math.inf):
            found[name] = Bounds(least=None if least == -math.inf else least, most=None if most == math.inf else most)
    return found


def _edges(check: Check) -> Iterator[tuple[float, float]]:
    """The least and the most that a check lets through; nothing of a check that is not of size, or only warns."""
    said = check.statistics or {}
    if check.raise_warning or check.groupby is not None:
        return
    open_below = check.name == "greater_than" or said.get("include_min") is False
    open_above = check.name == "less_than" or said.get("include_max") is False
    if check.name in ("in_range", "greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to"):
        low, high = float(said.get("min_value", -math.inf)), float(said.get("max_value", math.inf))
        yield math.nextafter(low, math.inf) if open_below else low, math.nextafter(high, -math.inf) if open_above else high


def broken_checks(contract: Contract, frame: DataFrame) -> tuple[ContractFailure, ...]:
    """Every check of the contract that fails, all at once, with the positions of the rows that fail it."""
    from pandera.errors import SchemaErrors

    try:
        schema_of(contract).validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
    else:
        return ()
    positions: dict[tuple[str, str], list[int]] = {}
    for case in cases.to_dict("records"):
        # A check of a whole column or table (its type, its presence) has no row; one of presence names its column as the case.
        whole = case["index"] is None or case["index"] != case["index"]
        column = case["failure_case"] if whole and case["column"] is None else case["column"]
        found = positions.setdefault((str(column), str(case["check"])), [])
        if not whole:
            found.append(int(case["index"]))
    return tuple(failure(column, check, rows) for (column, check), rows in sorted(positions.items()))
