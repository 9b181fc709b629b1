"""The entry of the `lifecycle` command: which verbs there are, and where each one lives."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from lifecycle import __version__
from lifecycle.cli import render
from lifecycle.cli.verbs import Verb, VerbGroup
from lifecycle.errors import LifecycleError, Unavailable

VERBS: dict[str, Verb] = {
    "demo": Verb("Start here", "demo", "Live through a whole life of the credit model, and leave everything open for a look."),
    "up": Verb("Start here", "up", "Start the gateway and Dagster's pages on one home; Ctrl-C stops both."),
    "status": Verb("Start here", "status", "Show what serves, what waits for whom, and what failed."),
    "train": Verb("A model's life", "runs", "Take a model from its data to the promotion gate."),
    "ask": Verb("A model's life", "runs", "Put a version before the promotion gate again."),
    "approve": Verb("A model's life", "approve", "Sign that a version may be promoted."),
    "reject": Verb("A model's life", "approve", "Sign that a version may not be promoted."),
    "waive": Verb("A model's life", "waive", "Sign that a version may pass in spite of one rule, for a time."),
    "waivers": Verb("A model's life", "waivers", "List the waivers that count, and those that wait for another signature."),
    "break-glass": Verb("A model's life", "emergency", "In an emergency, let a version past all rules that may be broken."),
    "review": Verb("A model's life", "emergency", "Sign what you found who looked at a broken glass or a rollback."),
    "deploy": Verb("A model's life", "runs", "Roll an allowed version out, step by step."),
    "rollout": Verb("A model's life", "rollout", "Show a rollout, compare its versions; promote or end an A/B test or a shadow."),
    "rollback": Verb("A model's life", "runs", "Go back to the last allowed version."),
    "revoke": Verb("A model's life", "revoke", "Take back a version, an approval or a key."),
    "recall": Verb("A model's life", "recall", "Ask again what a version that was taken out decided, and list what differs."),
    "retire": Verb("A model's life", "retire", "Record that a version is over."),
    "gateway": Verb("What runs", "gateway", "Run, start, stop or look at the gateway."),
    "access": Verb("What runs", "access", "Grant, take back and list who may ask the gateway for predictions."),
    "desk": Verb("What runs", "desk", "Run the pages at which people approve."),
    "people": Verb("Who and what decides", "people", "Enrol people, and list who may approve what."),
    "keys": Verb("Who and what decides", "people", "Make the key that a person signs with."),
    "governance": Verb("Who and what decides", "governance", "Show, propose and agree to the policies, limits and people that count."),
    "policy": Verb("Who and what decides", "policy", "Check, build, ship and try the policies, and look back at what they decided."),
    "ledger": Verb("Proof", "ledger", "Verify, read, sign, prove, anchor and keep the ledger."),
    "lineage": Verb("Proof", "lineage", "Show, export, send and describe what a version came from."),
    "evidence": Verb("Proof", "evidence", "Pack what proves a version into one file, and show which clauses it speaks to."),
    "predictions": Verb("Proof", "predictions", "Write the sealed predictions as Parquet, and check such a file."),
    "explain": Verb("Proof", "explain", "Tell which model, data, report, rule and people stand behind one prediction."),
}


@click.group(cls=VerbGroup, verbs=VERBS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lifecycle")
def lifecycle() -> None:
    """The governed life of a model: data, training, evidence, gates, approvals, rollout, rollback, and proof.

    Run it in a folder with a workspace.yaml, or below one. What running makes is kept in LIFECYCLE_HOME
    (.lifecycle in the project unless it is set).
    """


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code.

    0 it did what was asked; 1 it failed; 2 what was asked makes no sense; 3 a rule refuses; 4 something was
    tampered with; 5 something that must answer does not; 130 it was interrupted.
    """
    try:
        returned = lifecycle.main(args=list(arguments), prog_name="lifecycle", standalone_mode=False)
    except LifecycleError as error:
        return render.failure(error)
    except click.exceptions.Exit as exiting:
        return exiting.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        render.note("Stopped.")
        return 130
    except SystemExit:
        # How click ends, without a word, on any broken pipe, whosever it was.
        if _reader_has_left():
            return 0
        return render.failure(Unavailable("A connection broke in the middle.", "Try again; see that what it asked is running."))
    return returned if isinstance(returned, int) and not isinstance(returned, bool) else 0


def _reader_has_left() -> bool:
    """Whether it was the output that broke (`| head`), and not some other pipe; then nothing more is printed."""
    try:
        output = sys.__stdout__.fileno() if sys.__stdout__ is not None else None
    except (OSError, ValueError):
        return False
    if output is None:
        return False
    try:
        # Not every kernel tells a poll of it, and an empty write is always taken.
        os.write(output, b"\n")
    except BrokenPipeError:
        # What is still in a buffer must go somewhere, or the interpreter complains as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
        return True
    except OSError:
        return False
    return False


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
