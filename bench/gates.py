"""What a decision costs: the promotion gate with its real input on both engines, memory over many decisions, and a backtest.

- `embedded_p99_ms`: the keeper's answer from the embedded engine, from the question to the decision, beside `as_documented_ms`: the
  same question to the same library as its README uses it, compiled anew each time and open to forged input;
- `server_p99_ms`: the same from an OPA server over one connection that is kept, beside `raw_post_ms`: the same bytes to the same server
  by http.client, whatever it answers (null where there is no `opa` on the PATH), and `server_default_gc_p99_ms`: the keeper's answer from a
  server with Go's own garbage collection and not the one of docs/how-to/decide-on-an-opa-server.md;
- `rss_growth_mb`: what the process and the engine's have grown by over so many embedded decisions of every size, after a first few hundred;
- `backtest_seconds`, `replay_seconds`: a draft tried on so many past decisions out of a ledger, and all of them taken again, on every core.
"""

from __future__ import annotations

import gc
import http.client
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench.measuring import REPOSITORY, Figures, main, timed
from bench.rigs.opa import GO_S_DEFAULT, TOKEN, opa_server
from bench.rigs.questions import deployment, promotion, small
from lifecycle.life.checking.replaying import flips, past_decisions, replayed
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.posing import posed
from lifecycle.policy.server import ServerEngine
from lifecycle.records.bodies import DecisionMade
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.gates import Decision, GateInput
from lifecycle.wiring import Departments

NOBODY = "sha256:" + "0" * 64
#: Questions in each round, and how often what compiles anew is asked.
QUESTIONS, COMPILED = 300, 20
WARM_UP = 500
#: Decisions in one transaction.
BATCH = 200
SMALL = ("data_access", "training_budget")


def bench(rounds: int, decisions: int) -> Figures:
    """What a decision costs, on both engines."""
    bundle = Bundle.load(REPOSITORY / "governance")
    question = promotion(bundle)
    keeper = GateKeeper(EmbeddedEngine(bundle), bundle, people_digest=NOBODY, environment="local")
    asked = question.canonical()
    figures: Figures = {
        "question_bytes": len(asked),
        "shown_bytes": len(json.dumps(posed(asked, bundle, question.gate), separators=(",", ":"))),
        **latency("embedded", lambda: require_waiting(keeper.ask(question)), rounds),
        "as_documented_ms": round(statistics.median(timed(lambda: as_documented(bundle, question)) for _ in range(COMPILED)) * 1e3, 2),
        **server(bundle, question, rounds),
        "decisions": decisions,
        "rss_growth_mb": growth(keeper, bundle, decisions),
        **history(bundle, keeper, decisions),
    }
    return figures


def require_waiting(decision: Decision) -> None:
    """The question of the bench is as it should be but for the people: a denial would be another thing to time."""
    if decision.result.outcome != "needs_approval":
        raise RuntimeError(f"the gate answers the bench with {[violation.rule for violation in decision.result.violations]}")


def latency(name: str, work: Callable[[], object], rounds: int) -> Figures:
    """Milliseconds of one call: the medians of the rounds' medians and 99th percentiles."""
    for _ in range(QUESTIONS // 10):
        work()
    taken = [sorted(timed(work) for _ in range(QUESTIONS)) for _ in range(rounds)]
    return {
        f"{name}_p50_ms": round(statistics.median(one[QUESTIONS // 2] for one in taken) * 1e3, 2),
        f"{name}_p99_ms": round(statistics.median(one[QUESTIONS * 99 // 100] for one in taken) * 1e3, 2),
    }


def as_documented(bundle: Bundle, question: GateInput) -> None:
    """regopy as its README uses it. Never so: `set_input` does not escape texts."""
    import regopy

    interpreter = regopy.Interpreter()
    interpreter.add_data(bundle.data)
    for name, text in bundle.modules.items():
        interpreter.add_module(name, text)
    interpreter.set_input(question.as_json())
    if not interpreter.query(f"data.gov.{question.gate}.decision").ok():
        raise RuntimeError("the policies do not run as documented")


def server(bundle: Bundle, question: GateInput, rounds: int) -> Figures:
    """The same question to an OPA server."""
    with opa_server(bundle) as url, opa_server(bundle, collected=GO_S_DEFAULT) as default:
        if url is None or default is None:
            return dict.fromkeys(("server_p50_ms", "server_p99_ms", "server_default_gc_p50_ms", "server_default_gc_p99_ms", "raw_post_ms"))
        figures: Figures = {}
        for name, address in (("server", url), ("server_default_gc", default)):
            keeper = GateKeeper(ServerEngine(address, TOKEN, bundle), bundle, people_digest=NOBODY, environment="local")
            figures |= latency(name, partial(_judged, keeper, question), rounds)
        body = json.dumps({"input": posed(question.canonical(), bundle, question.gate)}).encode()
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

        def post() -> None:
            connection.request("POST", f"/v1/data/gov/{question.gate}/decision", body, headers)
            connection.getresponse().read()

        return {**figures, "raw_post_ms": latency("raw", post, rounds)["raw_p50_ms"]}


def _judged(keeper: GateKeeper, question: GateInput) -> None:
    require_waiting(keeper.ask(question))


def growth(keeper: GateKeeper, bundle: Bundle, decisions: int) -> float:
    """Megabytes that this process and the engine's have more after so many decisions, small and large, of good questions."""
    questions = [promotion(bundle), deployment(bundle), *(small(bundle, gate, 0) for gate in SMALL)]
    for number in range(WARM_UP):
        keeper.ask(questions[number % len(questions)])
    gc.collect()
    before = _resident_kb()
    for number in range(decisions):
        keeper.ask(questions[number % len(questions)])
    gc.collect()
    return round((_resident_kb() - before) / 1024, 2)


def _resident_kb() -> int:
    """What this process holds, and the processes that it started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()
    return sum(_resident_kb_of(process) for process in ("self", *children))


def _resident_kb_of(process: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def history(bundle: Bundle, keeper: GateKeeper, decisions: int) -> Figures:
    """A draft with one limit changed over a ledger of so many decisions; and every one of them taken again."""
    with tempfile.TemporaryDirectory(prefix="bench-gates-") as scratch:
        project = Path(scratch)
        (project / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
        shutil.copytree(REPOSITORY / "governance", project / "governance")
        os.environ |= {"LIFECYCLE_PROJECT": str(project), "LIFECYCLE_HOME": str(project / "home")}
        departments = Departments.here()
        _fill(departments, bundle, keeper, decisions)
        stricter = {name: text.replace("{value: 0.78, from: 0.65", "{value: 0.99, from: 0.65") for name, text in bundle.files.items()}
        draft = Bundle(stricter).checked("the draft")
        flipped = 0

        def backtest() -> None:
            nonlocal flipped
            flipped = sum(flip is not None for _, flip in flips(past_decisions(departments), draft))

        def replay() -> None:
            if any(retaken.outcome != "identical" for _, retaken in replayed(departments, past_decisions(departments))):
                raise RuntimeError("a decision of the bench is not identical when it is taken again")

        return {
            "backtest_seconds": round(timed(backtest), 1),
            "backtest_flips": flipped,
            "replay_seconds": round(timed(replay), 1),
            "cores": os.cpu_count(),
        }


def _fill(departments: Departments, bundle: Bundle, keeper: GateKeeper, decisions: int) -> None:
    """Decisions as a life takes them, half of them large, into the ledger."""
    departments.artifacts.put(bundle.document)
    taken = [
        keeper.ask(question)
        for question in (promotion(bundle, 1), deployment(bundle, 2), *(small(bundle, gate, place) for place, gate in enumerate(SMALL)))
    ]
    for start in range(0, decisions, BATCH):
        with departments.ledger.writing() as writer:
            writer.append_all([_made(taken[number % len(taken)], number) for number in range(start, min(start + BATCH, decisions))])


def _made(decision: Decision, number: int) -> Event:
    """The record of a decision. Not of the version that it is about: whose life no other record of this ledger begins."""
    return Event.happened(
        DecisionMade(decision=decision.model_copy(update={"id": f"decision-{number}"}), consumed=()),
        subject=Subject(kind="dataset", name="bench", digest=NOBODY),
        actor=Actor(id="bench", kind="service"),
        environment="local",
    )


if __name__ == "__main__":
    main("gates", bench, rounds=5, decisions=(10_000, "how many decisions hold memory flat, are taken again, and are tried on a draft"))
