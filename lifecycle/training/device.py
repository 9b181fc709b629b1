"""Where training runs: chosen once, named as the price table names it, seeded the same way everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration, Unavailable

if TYPE_CHECKING:
    import torch

#: What a declaration may ask for.
DEVICES = ("auto", "cuda", "mps", "cpu")


def choose_device(wanted: str = "auto") -> str:
    """The device to train on: `cpu`, `mps`, or `cuda:` and the name of the card.

    `auto` takes CUDA where there is a card, then Apple's, then the CPU. Raises InvalidDeclaration for a name that is not
    one of `DEVICES`, Unavailable where the device that was asked for is not there.
    """
    import torch

    if wanted not in DEVICES:
        raise InvalidDeclaration(f"{wanted!r} is not a device to train on.", f"Choose one of {', '.join(DEVICES)}.")
    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{torch.cuda.get_device_name(0)}"
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return "mps"
    if wanted in ("auto", "cpu"):
        return "cpu"
    raise Unavailable(
        f"This machine has no {wanted} device that torch can use.", "Declare the device 'auto' or 'cpu', or run where there is one."
    )


def torch_device(device: str) -> torch.device:
    """The torch device behind a name that `choose_device` gave."""
    import torch

    return torch.device(device.partition(":")[0])


def precision_of(device: str) -> str:
    """The precision that the forward pass runs in: bfloat16 by autocast on CUDA, float32 elsewhere."""
    return "bf16" if device.startswith("cuda") else "float32"


def autocast(device: str) -> AbstractContextManager[None]:
    """A context in which the forward pass runs in `precision_of(device)`. Weights and their updates stay float32."""
    import torch

    return torch.autocast("cuda", dtype=torch.bfloat16) if device.startswith("cuda") else nullcontext()


@contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Within it, torch gives the same bits each time and on any number of cores, and raises where it has no way to.

    On a CPU that takes one thread, since threads change the order of a sum: for a network whose layers are large, leave
    it off or train on a card.
    """
    import torch

    if not wanted:
        yield
        return
    # cuBLAS reads this when it starts; without it torch refuses deterministic products on CUDA.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(threads)


def seed_epoch(seed: int, epoch: int) -> None:
    """Seeds torch for one epoch, from nothing but the run's seed and the epoch's number.

    This is why a resumed run draws what an uninterrupted one draws, with no generator state in any checkpoint.
    """
    import numpy as np
    import torch

    torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1))
