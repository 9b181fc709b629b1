from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable
from lifecycle.records.record import digest_of
from lifecycle.training.checkpoint import Checkpoints, Progress
from lifecycle.training.device import seed_epoch
from tests.training.small_model import small_request, train_small

pytestmark = pytest.mark.xdist_group("training")

IDENTITY = digest_of(b"this run")


def network() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    module = torch.nn.Linear(3, 1)
    return module, torch.optim.AdamW(module.parameters(), lr=0.1)


def step(module: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad()
    module(torch.ones(2, 3)).sum().backward()
    optimiser.step()


def test_a_restored_optimiser_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """Its moments and its step are there as well as the weights."""
    module, optimiser = network()
    step(module, optimiser)
    Checkpoints(tmp_path, IDENTITY).save(Progress(1, 2.5), module, optimiser)
    other, other_optimiser = network()
    assert Checkpoints(tmp_path, IDENTITY).restore(other, other_optimiser) == Progress(1, 2.5)
    step(module, optimiser)
    step(other, other_optimiser)
    assert torch.equal(module.weight, other.weight)  # type: ignore[arg-type]  # a Linear has a weight
    assert other_optimiser.param_groups[0]["betas"] == (0.9, 0.999)


def test_without_a_checkpoint_training_starts_anew(tmp_path: Path) -> None:
    """None, and module and optimiser are left alone."""
    assert Checkpoints(tmp_path / "new", IDENTITY).restore(*network()) is None


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    """Going on from it would give weights that nobody asked for."""
    Checkpoints(tmp_path, digest_of(b"another")).save(Progress(1, 0.0), *network())
    with pytest.raises(InvalidDeclaration, match="other data, code or options"):
        Checkpoints(tmp_path, IDENTITY).restore(*network())


@pytest.mark.parametrize("changed", [{"seed": 6}, {"epochs": 7}, {"options": {"hidden": 9}}, {"dataset_digest": digest_of(b"other")}])
def test_what_decides_the_weights_is_the_identity_of_a_run(changed: dict[str, object]) -> None:
    """Another seed, number of epochs, options or data is another run."""
    assert small_request(**changed).identity != small_request().identity
    assert small_request(training_id="a-retry").identity == small_request().identity


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x80\x05."], ids=["empty", "text", "a pickle"])
def test_a_checkpoint_that_can_not_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    """It is never loaded as anything else, and never silently dropped."""
    checkpoints = Checkpoints(tmp_path, IDENTITY)
    checkpoints.path.write_bytes(content)
    with pytest.raises(Tampered, match="can't be read"):
        checkpoints.restore(*network())


def test_a_checkpoint_of_a_network_of_another_shape_is_named(tmp_path: Path) -> None:
    """The identity was the same, so the code was changed under it."""
    checkpoints = Checkpoints(tmp_path, IDENTITY)
    checkpoints.save(Progress(1, 0.0), *network())
    wider = torch.nn.Linear(4, 1)
    with pytest.raises(Tampered, match="does not fit"):
        checkpoints.restore(wider, torch.optim.AdamW(wider.parameters()))


def test_a_torn_checkpoint_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash before the rename leaves the old checkpoint, whole."""
    checkpoints = Checkpoints(tmp_path, IDENTITY)
    checkpoints.save(Progress(1, 0.0), *network())

    def crash(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(Progress(2, 0.0), *network())
    assert checkpoints.restore(*network()) == Progress(1, 0.0)


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """Before any training, with what to do next."""
    (tmp_path / "run").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="can't be written"):
        train_small(tmp_path / "run")


def test_an_epoch_draws_the_same_wherever_it_is_resumed() -> None:
    """Seeded by the run's seed and the epoch's number, and by nothing else."""

    def draw(seed: int, epoch: int) -> list[float]:
        seed_epoch(seed, epoch)
        drawn: list[float] = torch.rand(3).tolist()
        return drawn

    assert draw(1, 2) == draw(1, 2)
    assert len({tuple(draw(seed, epoch)) for seed in range(4) for epoch in range(4)}) == 16


def test_importing_the_department_imports_no_torch() -> None:
    """So that a command line starts at once."""
    modules = "lifecycle.training.run, lifecycle.training.function, lifecycle.training.device"
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
