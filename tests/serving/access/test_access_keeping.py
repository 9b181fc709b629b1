"""How long a gateway goes on with what it was last told of its callers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.proofs.notes import SigningKey
from lifecycle.records.access import AccessBook
from lifecycle.records.record import JsonObject
from lifecycle.serving.access.keeping import AccessKeeper
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.folder import GatewayFolder


class Ledger:
    """Says that access is needed; does not answer while it is `down`."""

    def __init__(self) -> None:
        self.down = False

    def __call__(self, held: object, /) -> AccessBook:
        if self.down:
            raise Unavailable("The ledger is down.", "Wait.")
        return AccessBook(closed=True, ledger_size=1, read_at_us=1)


class Kept:
    """A keeper, and what the workers were told."""

    def __init__(self, home: Path, environment: str, offline_seconds: float) -> None:
        folder = GatewayFolder(home / "gateway")
        folder.make()
        self.ledger, self.told = Ledger(), list[JsonObject]()
        self.keeper = AccessKeeper(
            folder,
            environment,
            LogKeys(SigningKey.generate("test.example/ledger").verifier, None),
            self.ledger,
            lambda: (),
            self._tell,
            look_seconds=0.01,
            offline_seconds=offline_seconds,
        )

    async def _tell(self, message: JsonObject) -> None:
        self.told.append(message)

    def looks(self, *, down: bool) -> None:
        self.ledger.down = down
        asyncio.run(self.keeper.look())


def test_for_its_time_a_ledger_that_is_down_changes_nothing(tmp_path: Path) -> None:
    """The workers are told nothing, and the status says why it is as it was."""
    kept = Kept(tmp_path, "staging", offline_seconds=3_600.0)
    kept.looks(down=False)
    kept.looks(down=True)
    assert len(kept.told) == 1
    assert kept.keeper.fault == "The ledger is down."


def test_after_its_time_nobody_is_let_in_until_the_ledger_answers(tmp_path: Path) -> None:
    """Told once, however long it lasts; the first answer brings everybody back, though it says what was said before."""
    kept = Kept(tmp_path, "staging", offline_seconds=0.0)
    kept.looks(down=False)
    kept.looks(down=True)
    kept.looks(down=True)
    assert [message["callers"] for message in kept.told] == [[], []]
    assert kept.keeper.opened.closed
    kept.looks(down=False)
    assert [message["out_of_reach"] for message in kept.told] == [False, True, False]
    assert kept.keeper.fault == ""


def test_an_open_gateway_stays_open(tmp_path: Path) -> None:
    """In `local`, before the first grant, nobody's access can have been taken back."""
    kept = Kept(tmp_path, "local", offline_seconds=0.0)
    kept.looks(down=True)
    assert kept.told == []
    assert not kept.keeper.opened.closed
