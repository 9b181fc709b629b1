"""The process of the embedded engine killed, stopped, looping, forked and orphaned: a denial then, an answer to the next question."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from lifecycle.policy.asked_process import AskedProcess
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.gatekeeper import GateKeeper
from tests.policy.projects import copied, edit
from tests.policy.questions import NOBODY_DIGEST, changed, good

PATIENCE_SECONDS = 60.0


@pytest.fixture
def engine(bundle: Bundle) -> EmbeddedEngine:
    """An engine of this test's own, that gives up soon."""
    return EmbeddedEngine(bundle, timeout_seconds=3.0)


@pytest.fixture
def keeper(bundle: Bundle, engine: EmbeddedEngine) -> GateKeeper:
    return GateKeeper(engine, bundle, people_digest=NOBODY_DIGEST, environment="local")


def pid_of(engine: EmbeddedEngine) -> int:
    return engine._process.pid


def awaited(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """No such process, or one that waits for its parent to take notice."""
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_killed_in_mid_question_denies_and_the_next_is_answered(bundle: Bundle, engine: EmbeddedEngine, keeper: GateKeeper) -> None:
    """SYS-001 for the question that it died on; another process for the one after."""
    question, pid = good(bundle, "rollback"), pid_of(engine)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    denied = keeper.ask(question)
    assert [violation.rule for violation in denied.result.violations] == ["SYS-001"]
    assert "in the middle of a question" in denied.result.violations[0].message
    assert keeper.ask(question).allowed
    assert pid_of(engine) != pid


def test_killed_between_two_questions_costs_no_answer_that_counts(bundle: Bundle, engine: EmbeddedEngine, keeper: GateKeeper) -> None:
    """Whatever the first answer is, it is a denial or the right one; the second is answered."""
    question, pid = good(bundle, "rollback"), pid_of(engine)
    os.kill(pid, signal.SIGKILL)
    awaited(lambda: is_gone(pid))
    assert not keeper.ask(changed(question, "evidence", "to_revoked", True)).allowed
    assert keeper.ask(question).allowed


def test_one_that_hangs_is_ended_at_the_deadline(bundle: Bundle, engine: EmbeddedEngine, keeper: GateKeeper) -> None:
    """A denial, no process left behind, and the next question is answered."""
    question, pid = good(bundle, "rollback"), pid_of(engine)
    os.kill(pid, signal.SIGSTOP)
    denied = keeper.ask(question)
    assert [violation.rule for violation in denied.result.violations] == ["SYS-001"]
    assert "did not answer within" in denied.result.violations[0].message
    assert is_gone(pid)
    assert keeper.ask(question).allowed


def test_a_rule_that_loops_denies(repository: Path, tmp_path: Path) -> None:
    """A policy that takes forever over one input is ended, and the gate goes on deciding on others."""
    folder = copied(repository / "governance", tmp_path)
    loop = (
        'count({a | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a == b; input.evidence.metric == "loop"}) >= 0'
    )
    edit(
        folder,
        "policies/gates/rollback/rollback.rego",
        'passed contains "RBK-004" if input.evidence.to_revoked == false',
        'passed contains "RBK-004" if {\n\tinput.evidence.to_revoked == false\n\tnot slow\n}\n\n'
        f'slow if {{\n\tinput.evidence.metric == "loop"\n\t{loop}\n\tfalse\n}}',
    )
    bundle = Bundle.load(folder)
    keeper = GateKeeper(EmbeddedEngine(bundle, timeout_seconds=1.5), bundle, people_digest=NOBODY_DIGEST, environment="local")
    question = good(bundle, "rollback")
    denied = keeper.ask(changed(question, "evidence", "metric", "loop"))
    assert [violation.rule for violation in denied.result.violations] == ["SYS-001"]
    assert keeper.ask(question).allowed


def test_a_fork_has_an_engine_of_its_own(bundle: Bundle, engine: EmbeddedEngine, keeper: GateKeeper) -> None:
    """Two processes on one pipe would read each other's answers; the fork starts its own, and ours stays."""
    yes, pid = good(bundle, "rollback"), pid_of(engine)
    no = changed(yes, "evidence", "to_revoked", True)
    child = os.fork()
    if child == 0:
        right = all(not keeper.ask(no).allowed for _ in range(20)) and pid_of(engine) != pid
        engine._process.end()
        os._exit(0 if right else 1)
    assert all(keeper.ask(yes).allowed for _ in range(20))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert pid_of(engine) == pid
    assert keeper.ask(yes).allowed


def test_it_ends_with_whoever_made_it(repository: Path) -> None:
    """Also where that one is killed and can end nothing itself."""
    script = (
        "import os, signal; from pathlib import Path; from lifecycle.policy.bundle import Bundle; "
        "from lifecycle.policy.embedded import EmbeddedEngine; engine = EmbeddedEngine(Bundle.load(Path('governance'))); "
        "print(engine._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=repository, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert killed.returncode == -signal.SIGKILL
    awaited(lambda: is_gone(int(killed.stdout)))


def test_a_policy_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`opa.runtime` is refused in a policy; where it were not, it would show an empty environment."""
    monkeypatch.setenv("LIFECYCLE_OPA_TOKEN", "secret")
    policy = b'{"data": {}, "modules": {"p.rego": "package p\\nd := opa.runtime()"}, "entrypoints": ["p/d"]}'
    process = AskedProcess(policy, PATIENCE_SECONDS)
    said = process.ask("p/d", "{}", PATIENCE_SECONDS)
    process.end()
    assert said is not None
    assert "secret" not in said
    assert "LIFECYCLE" not in said


def test_memory_stays_flat_over_many_questions(bundle: Bundle, engine: EmbeddedEngine) -> None:
    """Beside numpy rego-cpp keeps 0.4 MB of each question; in a process of its own it keeps nothing."""
    question = good(bundle, "promotion").as_json()

    def resident_kb() -> int:
        lines = Path(f"/proc/{pid_of(engine)}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    for _ in range(30):
        engine.answer("promotion", question)
    before = resident_kb()
    for _ in range(150):
        engine.answer("promotion", question)
    assert resident_kb() - before < 10_000


def asked_in_turn(governance: str, number: int) -> list[bool]:
    """What one of the processes does: good and bad questions in turn, on an engine of its own."""
    bundle = Bundle.load(Path(governance))
    keeper = GateKeeper(EmbeddedEngine(bundle), bundle, people_digest=NOBODY_DIGEST, environment="local")
    yes = good(bundle, "rollback")
    no = changed(yes, "evidence", "to_revoked", True)
    return [keeper.ask(yes if (number + turn) % 2 else no).allowed for turn in range(10)]


@pytest.mark.slow
def test_sixteen_processes_get_their_own_answers(repository: Path) -> None:
    """As Dagster's runs do: each with an engine of its own, none mixed up, none lost."""
    with ProcessPoolExecutor(16, mp_context=get_context("spawn")) as pool:
        answers = list(pool.map(asked_in_turn, [str(repository / "governance")] * 16, range(16)))
    assert answers == [[bool((number + turn) % 2) for turn in range(10)] for number in range(16)]
