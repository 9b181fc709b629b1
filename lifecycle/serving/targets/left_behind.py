"""Finishes what pods that are gone have left: rows that nobody has sealed, and events that nobody has handed over.

A pod seals its rows itself, as every gateway does. One that is killed, or that ends while the ledger does not answer, has no next
start: its name does not come again. Its home stays on the volume, and whoever has the volume takes its place once: only where the
cluster does not know the pod any more and nobody holds its lock.
"""

from __future__ import annotations

import asyncio
import logging
import os

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.serving.access.refusal_sealing import RefusalSealer
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.routes import RouteTable
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.ports import EventSink
from lifecycle.serving.prediction_log.sealing import Sealer
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.targets.pods import Pods

_LOG = logging.getLogger(__name__)
#: How long the ledger is waited for, for one pod. What it has not taken by then is handed over another time.
_DELIVERY_SECONDS = 10.0


class LeftBehind:
    """What gone pods have left, looked for again and again for as long as a controller runs."""

    def __init__(self, pods: Pods, environment: str, sink: EventSink, every_seconds: float) -> None:
        #: By pod: why what it left is not finished. Under "" why nothing can be looked for.
        self.faults: dict[str, str] = {}
        self._pods = pods
        self._environment = environment
        self._sink = sink
        self._every_seconds = every_seconds
        self._finished: set[str] = set()

    async def run(self) -> None:
        """Looks for ever. What is under way when this is cancelled comes to its end in its thread."""
        while True:
            await self.look()
            await asyncio.sleep(self._every_seconds)

    async def look(self) -> None:
        """Finishes what every gone pod has left; what can't be finished now is tried again at the next look."""
        try:
            gone = await asyncio.to_thread(self._pods.gone)
        except LifecycleError as error:
            self._note("", error.what)
            return
        except OSError as error:
            self._note("", f"{self._pods.homes} can't be read: {error.strerror}.")
            return
        self._note("", "")
        for name, folder in gone.items():
            if name not in self._finished:
                why = await asyncio.to_thread(self._finish, folder)
                self._note(name, why)
                if not why:
                    self._finished.add(name)

    def _note(self, name: str, why: str) -> None:
        if why and self.faults.get(name) != why:
            _LOG.error("what %s has left is not finished: %s", name or "gone pods", why)
        if why:
            self.faults[name] = why
        else:
            self.faults.pop(name, None)

    def _finish(self, folder: GatewayFolder) -> str:
        """Why it can't be finished now; "" where it is."""
        try:
            lock = folder.take_lock()
        except Unavailable:
            return "its gateway still holds its home, though the cluster does not know the pod any more"
        except OSError as error:
            return f"{folder.lock} can't be opened: {error.strerror}."
        try:
            return asyncio.run(self._sealed_and_told(folder))
        except LifecycleError as error:
            return error.what
        except OSError as error:
            return f"{folder.path} can't be read: {error.strerror}."
        finally:
            os.close(lock)

    async def _sealed_and_told(self, folder: GatewayFolder) -> str:
        journal = Journal.open(folder.journal)
        try:
            counters = Counters.of_all(folder)
            for ended in counters:
                ended.take_over()
            delivery = Delivery(journal, self._sink, folder.refused_events)
            used = UsedDecisions(folder.used_decisions, ())
            books = Books(self._environment, journal, used, RouteTable.create(folder.routes), lambda: counters, delivery)
            sealer, refusals = (
                Sealer(folder.predictions, self._environment, books),
                RefusalSealer(folder.refusals, self._environment, books),
            )
            await sealer.end()
            await refusals.end()
            sending = asyncio.create_task(delivery.run())
            told = await delivery.flushed(_DELIVERY_SECONDS)
            sending.cancel()
            waiting = "" if told else f"{journal.pending} of its events wait for the ledger"
            set_aside = f"the ledger refused events of it; they lie in {folder.refused_events}" if delivery.refused.count else ""
            return "; ".join(what for what in (*sealer.faults.values(), refusals.fault, waiting, set_aside) if what)
        finally:
            journal.close()
