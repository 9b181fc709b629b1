"""What an index says: the version or the period, what happened, which clauses that speaks to, and how to verify all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from lifecycle.evidence.coverage import Coverage, Covered, runs
from lifecycle.evidence.index import version
from lifecycle.evidence.index.document import Block, Cell, Commands, Document, Facts, Line, Paragraph, Section, Table, Text
from lifecycle.evidence.index.telling import MOST_ROWS, Places, timeline
from lifecycle.evidence.layout import verifier
from lifecycle.evidence.pack import Draft
from lifecycle.lineage.cards.version import VersionRecords
from lifecycle.lineage.outline import moment

#: How many records of one clause are named; views/clauses.json names all.
MOST_CITED = 24
#: What no pack can show, however it is verified.
LIMITS = (
    "That nothing happened which was never recorded. Records of one subject are numbered, so that one missing in between shows; one "
    "after the last of them, or a deed that nobody recorded, does not.",
    "That what was recorded is true: it is what the systems and people named here said at the time, and could not change since.",
    "What the pages, the card and the exports say, beyond that the key that signs the models signed them. The records are what is proven.",
)


def version_index(draft: Draft, records: VersionRecords, covered: Coverage, views: dict[str, str]) -> Document:
    """The index of a pack of one version. `views` are the paths of what else was made from the records, and what each is."""
    places = Places(draft)
    return Document(
        kicker=f"Evidence from the ledger {draft.log.checkpoint.origin}",
        title=records.name,
        lead=f"What was recorded about version {records.version} of {records.model}, with the proof of each record. {_extent(draft)}",
        marks=tuple(version.marks(records)),
        sections=(
            version.identity(places, records),
            _verifying(draft),
            *version.judgement(places, records),
            timeline(places, records.recorded),
            *_clauses(places, covered),
            *_contained(draft, views),
        ),
        footer=_FOOTER,
    )


def period_index(draft: Draft, covered: Coverage, views: dict[str, str]) -> Document:
    """The index of a pack of a period."""
    places, scope = Places(draft), draft.scope
    since = "the beginning" if scope.since_us is None else moment(scope.since_us)
    until = "the last signed record" if scope.until_us is None else moment(scope.until_us)
    ledger = draft.ledger
    first, last = draft.selection.span
    whole = f"every record from {first} to {last - 1}, without a gap" if last > first else f"the records on {scope.model}"
    return Document(
        kicker=f"Evidence from the ledger {draft.log.checkpoint.origin}",
        title=f"{scope.model or 'Everything'}, from {since} to {until}",
        lead=f"What was recorded in that time: {whole}, and what stands behind them. {_extent(draft)}",
        marks=(Cell(f"{len(ledger):,} records"), Cell(f"{len(draft.proven.files):,} files that they name")),
        sections=(
            _verifying(draft),
            timeline(places, ledger.latest(MOST_ROWS), of=len(ledger)),
            *_clauses(places, covered),
            *_contained(draft, views),
        ),
        footer=_FOOTER,
    )


_FOOTER = "Made by Lifecycle from the records in this pack. It is a view, and proves nothing: verify.py verifies the records."


def _extent(draft: Draft) -> str:
    return f"The ledger had {draft.log.checkpoint.size:,} signed records; {len(draft.selection.rows):,} of them are in this pack."


def _verifying(draft: Draft) -> Section:
    checkpoint = draft.log.checkpoint
    rows: tuple[tuple[str, tuple[Text, ...]], ...] = (
        ("Ledger", (checkpoint.origin, f"{checkpoint.size:,} records")),
        ("Root", (Cell(checkpoint.text().split("\n")[2], "checkpoint", code=True),)),
        ("verify.py", (Cell("sha256:" + hashlib.sha256(verifier()).hexdigest(), "verify.py", code=True),)),
        ("Whole streams", (", ".join(f"{stream} ({last})" for stream, last in sorted(draft.selection.streams.items())) or "none",)),
    )
    return Section(
        "How to verify it",
        (
            Paragraph(
                "It takes Python and one library, no network and nothing of ours. Use a verify.py that you had before, not the one in here."
            ),
            Commands(("pip install cryptography", "python verify.py PACK.zip --trust WHAT-YOU-HELD-BEFORE")),
            Facts(rows),
            Paragraph("What no pack can show:"),
            *(Paragraph(limit, "quiet") for limit in LIMITS),
        ),
    )


def _clauses(places: Places, covered: Coverage) -> Iterator[Section]:
    for framework in covered.frameworks:
        clauses = [one for one in covered.clauses if one.framework is framework]
        counted = covered.counted(framework)
        rows = tuple(_clause(places, one) for one in clauses)
        yield Section(
            framework.title,
            (
                Paragraph(
                    f"{counted['evidence']} clauses with evidence, {counted['gap']} gaps. {framework.source}. "
                    f"Applies from {framework.applies_told}.",
                    "quiet",
                ),
                Table(
                    ("Clause", "About", "Status", "Records", "What is open, or why it is a gap and what closes it"),
                    rows,
                    (12, 22, 9, 15, 42),
                ),
            ),
        )


def _clause(places: Places, one: Covered) -> tuple[Text, ...]:
    status = Cell("evidence", tone="good") if one.status == "evidence" else Cell("gap", tone="waiting")
    return one.clause.id, one.clause.title, status, _cited(places, one.indexes), one.told


def _cited(places: Places, indexes: tuple[int, ...]) -> Line:
    """The records, as many as a person reads, each end of a run leading to its record."""
    pieces: list[Cell] = []
    for first, last in runs(indexes[:MOST_CITED]):
        pieces += [Cell(", ")] * bool(pieces) + [places.record(first)]
        pieces += [Cell("–"), places.record(last)] if last > first else []
    if len(indexes) > MOST_CITED:
        pieces += [Cell(f" and {len(indexes) - MOST_CITED:,} more ("), Cell("views/clauses.json", "views/clauses.json"), Cell(")")]
    return Line(tuple(pieces))


def _contained(draft: Draft, views: dict[str, str]) -> Iterator[Section]:
    """Who else saw the ledger, the files that records name, and what was made from the records."""
    seen = [receipt for receipt in draft.log.receipts if receipt.size <= draft.log.checkpoint.size]
    rows = tuple((f"{one.size:,}", moment(one.at_us), one.anchor, one.kind) for one in seen)
    alone = (
        "Nobody outside, as far as this ledger keeps receipts. Without a ledger checkpoint that you held before, all of it could be new."
    )
    table = Table(("Records", "When (UTC)", "Anchor", "Kind"), rows, (12, 24, 40, 24))
    yield Section("Who else saw the ledger", (table,) if rows else (Paragraph(alone, "waiting"),))
    yield _files(draft)
    made: tuple[tuple[Text, ...], ...] = tuple((Cell(path, path), what) for path, what in views.items())
    if not any(path.endswith("prov.json") for path in views):
        made += (
            (Cell("none", tone="quiet"), "exports of the lineage: of so many records they are made by model or version, by the operator"),
        )
    yield Section("The same for other programs", (Table(("File", "What it is"), made, (40, 60)),))


def _files(draft: Draft) -> Section:
    packed = sorted(draft.proven.files.values(), key=lambda file: file.path)
    rows = tuple(
        (Cell(one.path, one.path), one.role.replace("_", " "), f"{one.size:,}", Cell(one.digest, code=True)) for one in packed[:MOST_ROWS]
    )
    reasons: dict[str, list[str]] = {}
    for (role, _), why in sorted(draft.proven.left_out.items()):
        reasons.setdefault(why, []).append(role.replace("_", " "))
    missing = tuple((why, str(len(roles)), ", ".join(dict.fromkeys(roles))) for why, roles in reasons.items())
    blocks: list[Block] = [Table(("File", "Part", "Bytes", "SHA-256, as a record names it"), rows, (33, 13, 9, 45))]
    if len(packed) > len(rows):
        blocks.insert(0, Paragraph(f"The first {len(rows):,} of {len(packed):,} files. pack.json lists all of them.", "quiet"))
    if missing:
        blocks += [
            Paragraph("What records name as well, and why it is not packed (pack.json has each digest):", "quiet"),
            Table(("Why", "Files", "Parts"), missing, (45, 10, 45)),
        ]
    return Section("Files that records name", tuple(blocks))
