"""What the command line prints."""

from __future__ import annotations

import json

import pytest

from lifecycle.cli import render


def test_a_table_shows_headings_and_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Each value stands under its heading; None is a dash, a state is spelt in words."""
    render.table(("version", "state", "share"), [("credit:1", "rolling_out", 0.5), ("credit:2", "waiting", None)])
    shown = capsys.readouterr().out
    for part in ("version", "credit:1", "rolling out", "0.5", "waiting", "–"):
        assert part in shown


def test_an_empty_table_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """No rows: one sentence and no empty frame."""
    render.table(("version",), [], empty="No version was trained yet.")
    assert capsys.readouterr().out.strip() == "No version was trained yet."


def test_a_cell_is_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """A reason that somebody typed cannot style, hide or link anything."""
    render.table(("reason",), [("[red]fine[/red] [link=x]y[/link]",)])
    assert "[red]fine[/red]" in capsys.readouterr().out


def test_json_is_not_wrapped_or_coloured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A long value on a narrow terminal is still one JSON value."""
    monkeypatch.setenv("COLUMNS", "20")
    value = {"digest": "sha256:" + "a" * 64, "who": "Zoë"}
    render.as_json(value)
    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert "Zoë" in shown


def test_json_refuses_what_is_not_json() -> None:
    """NaN never leaves as an answer."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        render.as_json({"auc": float("nan")})


def test_notes_stay_out_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """What is said beside the answer goes to standard error."""
    render.note("Signing a checkpoint.")
    render.line("the answer")
    shown = capsys.readouterr()
    assert shown.out.strip() == "the answer"
    assert "Signing" in shown.err


def test_a_moment_is_utc_to_the_second() -> None:
    """Microseconds become a time that a person reads."""
    assert render.moment(1_700_000_000_999_999) == "2023-11-14 22:13:20Z"


def test_a_short_digest_keeps_twelve_digits() -> None:
    """Enough to tell two apart."""
    assert render.short("sha256:" + "0123456789abcdef" * 4) == "0123456789ab"
    assert render.short(None) is None
