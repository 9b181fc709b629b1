"""Reading a source: typed columns, and the positions of the fields that are not what they must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.data.reading import read_source, source_digest
from lifecycle.data.spec import Source
from lifecycle.errors import Unavailable, UnknownName
from lifecycle.records.record import digest_of
from tests.data.rows import loans, spec_of, written

HEADER = "paid,income,amount,age,job,town\n"
GOOD = "yes,10.5,100,40,fixed,north\n"


def read(tmp_path: Path, text: str | bytes) -> list[tuple[str, str, tuple[int, ...]]]:
    location = tmp_path / "loans.csv"
    location.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(failed.column, failed.check, failed.positions) for failed in read_source(spec_of(location)).failures]


def test_columns_come_as_they_are_declared(tmp_path: Path) -> None:
    """Numbers are float64, the rest is text, and only the declared missing text is missing: NA is a town like any other."""
    spec = written(loans().assign(surplus=1), tmp_path)
    rows = read_source(spec)
    assert rows.failures == ()
    assert {name: str(kind) for name, kind in rows.frame.dtypes.items()} == {
        **dict.fromkeys(spec.source_numbers, "float64"),
        **dict.fromkeys(spec.source_texts, "str"),
    }
    assert set(rows.frame["town"].unique()) == {"north", "south", "NA", "None"}
    assert rows.frame["income"].isna().sum() == loans()["income"].isna().sum()


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    """It is the SHA-256 that anybody can take of the source."""
    spec = written(loans(), tmp_path)
    content = (tmp_path / "loans.csv").read_bytes()
    assert read_source(spec).digest == source_digest(spec.source) == digest_of(content)


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    """The format of the source makes no difference to the rows."""
    loans().to_parquet(tmp_path / "loans.parquet")
    parquet = spec_of(tmp_path, source=Source(name="loans", location=str(tmp_path / "loans.parquet"), format="parquet"))
    assert read_source(parquet).frame.equals(read_source(written(loans(), tmp_path)).frame)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """Each declared column that the source has not got is named."""
    assert read(tmp_path, "paid,income,age,job\nyes,1,40,fixed\n") == [
        ("amount", "the column is absent", ()),
        ("town", "the column is absent", ()),
    ]


def test_a_wrong_type_is_named_with_its_positions(tmp_path: Path) -> None:
    """A text where a number must be, and a number that is not finite, are found at their rows."""
    rows = [GOOD, GOOD.replace("100", "many"), GOOD, GOOD.replace("40", "inf"), GOOD.replace("100", "1,000".replace(",", " "))]
    assert read(tmp_path, HEADER + "".join(rows)) == [
        ("amount", "is a finite number", (1, 4)),
        ("age", "is a finite number", (3,)),
    ]


def test_a_row_with_too_few_or_too_many_fields_is_found(tmp_path: Path) -> None:
    """It is neither shifted nor filled up in silence: the row is named by its position."""
    text = HEADER + GOOD + GOOD.replace(",north", "") + GOOD + GOOD.replace("north", "north,extra") + GOOD
    assert read(tmp_path, text) == [("the whole row", "has 6 fields", (1, 3))]


def test_an_unclosed_quote_is_found(tmp_path: Path) -> None:
    """It does not swallow the rest of the file unseen."""
    assert read(tmp_path, HEADER + GOOD + GOOD.replace("north", '"north') + GOOD) == [("the whole file", "closes every quote", ())]


def test_a_column_that_is_there_twice_is_no_column(tmp_path: Path) -> None:
    """Which of the two would be meant is not for us to guess."""
    assert read(tmp_path, HEADER.replace("town", "town,age") + GOOD.replace("north", "north,41")) == [
        ("age", "the column is there once", ())
    ]


@pytest.mark.parametrize("content", [b"", HEADER.encode() + b"yes,1,1,40,\xff\xff,north\n"], ids=["empty", "not UTF-8"])
def test_what_is_no_table_says_so(tmp_path: Path, content: bytes) -> None:
    """An empty file, and bytes that are not UTF-8, are failures of the file and not errors of a library."""
    assert read(tmp_path, content) == [("the whole file", "is a readable csv table", ())]


def test_no_failure_repeats_a_value(tmp_path: Path) -> None:
    """Failures go to the ledger, where no personal value may ever stand."""
    text = HEADER + GOOD.replace("40", "Jane Doe") + GOOD.replace("north", "Jane Doe,Jane Doe") + GOOD
    location = tmp_path / "loans.csv"
    location.write_text(text)
    assert "Jane" not in repr(read_source(spec_of(location)).failures)


def test_an_absent_source_is_named(tmp_path: Path) -> None:
    """The error says which source is not there, and where it was looked for."""
    with pytest.raises(UnknownName, match=r"absent\.csv"):
        read_source(spec_of(tmp_path / "absent.csv"))


def test_a_source_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    """A folder in its place, and a kind of URL that nobody knows, end as our own error."""
    for location in (str(tmp_path), "nowhere://bucket/loans.csv"):
        with pytest.raises(Unavailable, match="can't be read"):
            read_source(spec_of(tmp_path, source=Source(name="loans", location=location, format="csv")))
