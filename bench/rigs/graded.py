"""One package on several gateways, each of which keeps its rows as surely as another grade says.

The gateways are those that the tests run: real processes, proofs and prediction log, with one worker each.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from lifecycle.records.record import digest_of
from lifecycle.records.rollout import LogGrade
from lifecycle.serving.allowed.packages import SIGNATURE_FILE
from tests.serving.packages import Packed, order, plan
from tests.serving.running import running_gateway

#: What a plan says, by the names of the figures; a model that declares nothing has its rows written before it answers.
GRADES: dict[str, LogGrade | None] = {"written": None, "audit": "audit", "best_effort": "best_effort"}


@contextmanager
def graded(package: Path, model: str) -> Iterator[dict[str, int]]:
    """The ports of gateways that serve this package, by the grade of their log. `package` has the manifest and its files."""
    with ExitStack() as stack:
        ports = {}
        for name, grade in GRADES.items():
            home = Path(stack.enter_context(TemporaryDirectory(prefix=f"bench-{name}-")))
            gateway = stack.enter_context(running_gateway(home))
            packed = _copied(package, home / "package")
            rollout = order(packed, 1, gateway.key, plan(log_grade=grade), model=model)
            gateway.client.order(rollout, packed.folder)
            gateway.await_rollout(rollout.rollout_id, "completed")
            ports[name] = urlsplit(str(gateway.client.status().url)).port or 0
        yield ports


def _copied(package: Path, folder: Path) -> Packed:
    """A package as a deployment hands it over. Its signature is the tests' own, like their ledger."""
    shutil.copytree(package, folder)
    signature = b"signed"
    (folder / SIGNATURE_FILE).write_bytes(signature)
    return Packed(folder, digest_of((folder / "manifest.json").read_bytes()), digest_of(signature))
