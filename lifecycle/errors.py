"""One root for every error that leaves a department.

A message says what happened and what to do next. No exception of a vendor crosses its
department: the adapter that called the vendor raises one of these from it.
"""

from __future__ import annotations


class LifecycleError(Exception):
    """What happened (`what`) and what to do next (`next_step`), in words for the person who reads it."""

    #: The exit code of the command line when this error ends it.
    exit_code = 1

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}\n  Next: {self.next_step}"


class MalformedRecord(LifecycleError):
    """Bytes or values that are not the record they claim to be."""

    exit_code = 2


class InvalidDeclaration(LifecycleError):
    """A declaration, a limit, a person or a setting that is not allowed; names the field and what is."""

    exit_code = 2


class UnknownName(LifecycleError):
    """A model, version, person, decision or environment that nothing here goes by."""

    exit_code = 2


class IllegalTransition(LifecycleError):
    """An event that the state of its (version, environment) does not permit."""


class Refused(LifecycleError):
    """A gate, a duty or a rule says no. Carries the ids of the rules that said so."""

    exit_code = 3

    def __init__(self, what: str, next_step: str, rules: tuple[str, ...] = ()) -> None:
        super().__init__(what, next_step)
        self.rules = rules


class Tampered(LifecycleError):
    """Bytes that do not have the digest, the signature or the place that was recorded for them."""

    exit_code = 4


class Unavailable(LifecycleError):
    """Something that must answer does not: a locked database, a full disk, a port in use, a service that is down."""

    exit_code = 5


class DataRejected(LifecycleError):
    """A dataset that breaks its contract, or that leaks; nothing past it may run."""

    exit_code = 3


class TrainingInterrupted(LifecycleError):
    """A training run that ended before its last epoch; its checkpoints stand."""
