"""The entry of the command line: verbs, exit codes, and what is said when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from lifecycle.cli import main
from lifecycle.cli.verbs import Verb, VerbGroup
from lifecycle.errors import LifecycleError, Refused, Tampered, Unavailable, UnknownName

#: Gives the verb `act` what it is to raise or return.
Put = Callable[[object], None]


@pytest.fixture
def verb_that(monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts one verb, `act`, into the group, which raises or returns what it is given."""

    def put(outcome: object) -> None:
        @click.command("act")
        def act() -> object:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(VerbGroup, "get_command", lambda self, ctx, name: act)
        monkeypatch.setitem(main.VERBS, "act", Verb("Start here", "act", "Act."))

    return put


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LifecycleError("It failed.", "Try again."), 1),
        (UnknownName("No such model.", "See `lifecycle status`."), 2),
        (Refused("The gate says no.", "Read the report.", ("PRM-001",)), 3),
        (Tampered("Record 7 was changed.", "Restore it."), 4),
        (Unavailable("The ledger is locked.", "Wait."), 5),
    ],
)
def test_an_error_is_shown_once_and_becomes_its_exit_code(
    verb_that: Put, capsys: pytest.CaptureFixture[str], error: LifecycleError, code: int
) -> None:
    """What happened and what to do next stand on standard error; the exit code says what kind it was."""
    verb_that(error)
    assert main.run(["act"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count(error.what) == 1
    assert f"Next: {error.next_step}" in shown.err


def test_the_rules_that_refuse_are_named(verb_that: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal shows the ids of its rules."""
    verb_that(Refused("You trained it.", "Ask another person.", ("SOD-001", "APR-002")))
    main.run(["act"])
    assert "SOD-001, APR-002" in capsys.readouterr().err


def test_markup_in_a_message_is_shown_as_it_is(verb_that: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands in brackets in somebody's text is never taken for a style."""
    verb_that(UnknownName("There is no [bold]credit[/bold].", "Look again."))
    main.run(["act"])
    assert "[bold]credit[/bold]" in capsys.readouterr().err


def test_an_interrupt_ends_quietly(verb_that: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is 130 and no traceback."""
    verb_that(KeyboardInterrupt())
    assert main.run(["act"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_bug_is_not_dressed_up_as_an_error(verb_that: Put) -> None:
    """An exception that is not ours is shown with its traceback, because it is ours to mend."""
    verb_that(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main.run(["act"])


def test_a_verb_that_ends_with_a_code_keeps_it(verb_that: Put) -> None:
    """What `ctx.exit(4)` says is the exit code, and so is an integer that a verb returns."""
    verb_that(click.exceptions.Exit(4))
    assert main.run(["act"]) == 4
    verb_that(3)
    assert main.run(["act"]) == 3


def test_a_misspelt_verb_gets_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`aprove` asks whether `approve` was meant."""
    assert main.run(["aprove"]) == 2
    assert "lifecycle approve" in capsys.readouterr().err


def test_a_word_that_is_near_nothing_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no verb is near, the help is."""
    assert main.run(["xyzzy"]) == 2
    assert "lifecycle --help" in capsys.readouterr().err


def test_the_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """`lifecycle --help` shows each verb with its summary."""
    assert main.run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, verb in main.VERBS.items():
        assert f"{name} {verb.summary}" in shown


@pytest.mark.parametrize("name", main.VERBS)
def test_every_verb_has_help_that_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`lifecycle VERB --help` loads, and its text is more than a usage line."""
    assert main.run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: lifecycle {name}")
    command = main.lifecycle.get_command(click.Context(main.lifecycle), name)
    assert command is not None
    assert command.help


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` says which Lifecycle this is."""
    from lifecycle import __version__

    assert main.run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_a_pipe_that_breaks_elsewhere_is_no_success(verb_that: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the reader of the output may leave without a word; a verb whose socket broke has failed."""
    verb_that(BrokenPipeError(32, "Broken pipe"))
    assert main.run(["act"]) == Unavailable.exit_code
    assert "broke in the middle" in capsys.readouterr().err


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("verb", ["--help", "demo --help", "policy show promotion"])
def test_a_reader_who_has_seen_enough_ends_it_quietly(verb: str, unbuffered: str, tmp_path: Path) -> None:
    """`lifecycle … | head -1` is no error, whoever draws what it prints: code 0, and nothing on standard error."""
    program = "import sys; from lifecycle.cli.main import main; main()"
    reading, writing = os.pipe()
    os.close(reading)
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered, "LIFECYCLE_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program, *verb.split()], env=environment, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")
