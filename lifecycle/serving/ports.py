"""What the gateway needs of others, in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lifecycle.records.access import AccessBook
from lifecycle.records.events import Event, Subject
from lifecycle.records.record import Digest
from lifecycle.serving.allowed.withdrawals import Withdrawal

if TYPE_CHECKING:
    from lifecycle.serving.rollouts.word import Word


class EventSink(Protocol):
    """Where events are entered: the ledger."""

    def append(self, event: Event, /) -> object:
        """Enters the event, once, however often it is sent. Raises Unavailable where the sink does not answer."""


class WithdrawalSource(Protocol):
    """Whoever knows what was allowed and then taken back: the ledger."""

    def since(self, place: int, /) -> tuple[int, tuple[Withdrawal, ...]]:
        """Where to look on the next time, and what the records from this place on take back; from the first, where there are fewer.

        Raises Unavailable where the ledger does not answer.
        """


class AccessSource(Protocol):
    """Whoever knows who may ask which version, by policy and by proof: the ledger and the gate serving_access."""

    def __call__(self, held: Sequence[tuple[str, int, Digest]], /) -> AccessBook:
        """Who may ask now, of these versions (model, number, digest). Decides what is not decided yet. Raises Unavailable.

        Of a model that is not among them it names whom the gate let ask a version of it last.
        """
        ...


class PackageVerifier(Protocol):
    """Whoever can tell whether a model was signed by the key that this environment trusts."""

    def __call__(self, folder: Path, signature: bytes, /) -> object:
        """Checks the signature over the manifest and the model's files in this folder. Raises Tampered where it does not hold."""


class WordOfPeople(Protocol):
    """Whoever knows whose word counts here: the registry of people, the ledger."""

    def __call__(self, word: Word, about: Subject, /) -> None:
        """Returns where a word counts about this version, whose rollout it names.

        Raises Refused where whoever gave it may not, or did not give it about this, Tampered where they did not sign it, and
        Unavailable where nobody can tell now.
        """


@dataclass(frozen=True)
class Ports:
    """Whoever one gateway, or the controller of a cluster, asks and tells."""

    sink: EventSink
    verifier: PackageVerifier
    withdrawals: WithdrawalSource
    people: WordOfPeople
    #: None where nobody is asked who may call, as at a controller, which answers no predictions.
    access: AccessSource | None = None
