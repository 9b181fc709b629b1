"""A person's word on a rollout that is left to one: its version becomes the champion, or it ends without a judgement."""

from __future__ import annotations

import asyncio
from typing import Self

from pydantic import Field, model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.approval import Envelope, RolloutPart, RolloutStatement
from lifecycle.records.events import Subject
from lifecycle.records.record import ActorId, Id, Prose, Record, is_none
from lifecycle.serving.ports import WordOfPeople
from lifecycle.serving.rollouts.state import ModelState


class Word(Record):
    """What somebody says of one rollout. Whether it counts here is for `WordOfPeople` to say."""

    part: RolloutPart
    rollout_id: Id
    reason: Prose
    #: In whose name; whoever ends a rollout in `local` need not say.
    by: ActorId | None = Field(default=None, exclude_if=is_none)
    #: What they signed; None where nobody did, which counts in `local` alone.
    envelope: Envelope | None = Field(default=None, exclude_if=is_none)

    @classmethod
    def signed(cls, envelope: Envelope) -> Self:
        """What an envelope says. Raises MalformedRecord where it holds something else than a word on a rollout."""
        said = envelope.holding(RolloutStatement)
        return cls(part=said.part, rollout_id=said.rollout_id, reason=said.reason, by=said.signer, envelope=envelope)

    @property
    def statement(self) -> RolloutStatement | None:
        """What was signed, if somebody did."""
        return None if self.envelope is None else self.envelope.holding(RolloutStatement)

    @model_validator(mode="after")
    def _says_what_was_signed(self) -> Self:
        said, here = self.statement, (self.part, self.rollout_id, self.reason, self.by)
        if said is not None and (said.part, said.rollout_id, said.reason, said.signer) != here:
            raise MalformedRecord("This word says something else than was signed.", "Send what was signed, as it was signed.")
        if self.part == "promote" and self.by is None:
            raise MalformedRecord("Nobody promotes a version in nobody's name.", "Say who does.")
        return self


async def require_counts(people: WordOfPeople, word: Word, state: ModelState | None) -> None:
    """Has somebody who knows say that a word counts; of a rollout that is over there is nothing to say. Raises like `WordOfPeople`."""
    if state is None or state.rollout is None:
        return
    canary = state.rollout.canary
    about = Subject(kind="model", name=state.model, version=canary.version, digest=canary.digest)
    await asyncio.to_thread(people, word, about)
