"""The ledger against the simplest thing that it could be: a list. Hypothesis drives both and compares."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.merkle import leaf_hash, root_of, verify_consistency
from lifecycle.proofs.notes import Checkpoint
from lifecycle.records.events import Event
from tests.ledger.happenings import ORIGIN, happening


class ChangedMind(Exception):
    """Raised in the middle of a block."""


class LedgerMachine(RuleBasedStateMachine):
    """Appends, retries, impostors, blocks that fail, signatures and restarts, in any order."""

    appended = Bundle("appended")
    notes = Bundle("notes")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-"))
        self.url = f"sqlite:///{self.folder}/ledger.db"
        self.key = create_log_key(self.folder / "keys", ORIGIN)
        self.model: list[Event] = []

    @initialize()
    def open(self) -> None:
        self.ledger = Ledger.open(self.url, origin=ORIGIN)

    @rule(target=appended, count=st.integers(0, 4))
    def append(self, count: int) -> object:
        events = [happening(len(self.model) + number) for number in range(count)]
        with self.ledger.writing() as writer:
            receipts = writer.append_all(events)
        assert [receipt.index for receipt in receipts] == list(range(len(self.model), len(self.model) + count))
        # All of them are about one subject, so that the place in the stream is the place in the list.
        self.model += [event.with_sequence(receipt.index + 1) for event, receipt in zip(events, receipts, strict=True)]
        return multiple(*events)

    @rule(event=appended)
    def retry(self, event: Event) -> None:
        receipt = self.ledger.append(event)
        assert self.model[receipt.index].with_sequence(None) == event

    @rule(event=appended)
    def pass_for(self, event: Event) -> None:
        try:
            self.ledger.append(happening(-1, event_id=event.id))
        except Tampered:
            return
        raise AssertionError("an impostor was let in")

    @rule(count=st.integers(1, 3))
    def change_mind(self, count: int) -> None:
        try:
            with self.ledger.writing() as writer:
                writer.append_all([happening(number) for number in range(count)])
                raise ChangedMind
        except ChangedMind:
            pass

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.open()

    @rule(target=notes)
    def sign(self) -> str:
        return sign_ledger(self.url, self.folder / "keys" / "ledger.key", ORIGIN)

    @rule(note=notes)
    def audit(self, note: str) -> None:
        held = Checkpoint.parse(note)
        result = verify_ledger(self.url, self.key, note)
        assert result.ok, result.findings
        path = self.ledger.consistency(held.size)
        verify_consistency(held.size, len(self.model), path, held.root_hash, self.ledger.head().root)
        if held.size:
            assert proven_leaf(self.ledger.proof(held.size - 1), [self.key])[0] == self.model[held.size - 1].canonical()

    @invariant()
    def the_ledger_is_the_list(self) -> None:
        head = self.ledger.head()
        assert (head.size, head.root) == (len(self.model), root_of(leaf_hash(event.canonical()) for event in self.model))
        assert [recorded.event for recorded in self.ledger.events()] == self.model

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)


LedgerMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
TestLedgerAgainstAList = LedgerMachine.TestCase
