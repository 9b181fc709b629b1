from __future__ import annotations

import pytest
import torch

from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.training.device import autocast, choose_device, determinism, precision_of, torch_device


def with_devices(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA H100")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "wanted", "chosen"),
    [
        (True, True, "auto", "cuda:NVIDIA H100"),
        (False, True, "auto", "mps"),
        (False, False, "auto", "cpu"),
        (True, True, "cpu", "cpu"),
        (True, True, "mps", "mps"),
        (True, False, "cuda", "cuda:NVIDIA H100"),
    ],
)
def test_the_best_device_that_is_allowed_is_chosen(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, wanted: str, chosen: str
) -> None:
    """A card goes by its name, as the price table has it."""
    with_devices(monkeypatch, cuda=cuda, mps=mps)
    assert choose_device(wanted) == chosen


def test_a_device_that_is_not_there_is_not_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asked for a card does not get a CPU."""
    with_devices(monkeypatch, cuda=False, mps=False)
    with pytest.raises(Unavailable, match="no cuda device"):
        choose_device("cuda")


def test_a_device_that_does_not_exist_is_named() -> None:
    """With those that do."""
    with pytest.raises(InvalidDeclaration, match="'tpu' is not a device") as refused:
        choose_device("tpu")
    assert "auto, cuda, mps, cpu" in refused.value.next_step


def test_precision_is_bfloat16_on_a_card_only() -> None:
    """By autocast; elsewhere the forward pass is float32 and autocast is off."""
    assert precision_of("cuda:NVIDIA H100") == "bf16"
    assert precision_of("mps") == precision_of("cpu") == "float32"
    assert torch_device("cuda:NVIDIA H100") == torch.device("cuda")
    with autocast("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_determinism_ends_with_its_block() -> None:
    """Threads and algorithms are put back, whatever happens inside."""
    threads = torch.get_num_threads()
    inside: list[tuple[bool, int]] = []

    def fail() -> None:
        with determinism(True):
            inside.append((torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside == [(True, 1)]
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads


def test_without_determinism_nothing_is_changed() -> None:
    """Neither threads nor algorithms."""
    threads = torch.get_num_threads()
    with determinism(False):
        assert (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()) == (False, threads)
