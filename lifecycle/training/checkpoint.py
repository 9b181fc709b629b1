"""Checkpoints of training: one safetensors file, replaced in one step after every epoch. Nothing in it unpickles.

Tensors are named `module.<parameter>` and `optimiser.<parameter index>.<key>`; everything else (the epoch, the
optimiser's settings, the seconds used) is JSON in the file's header, so that no crash can part the two.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable
from lifecycle.records.record import Digest

if TYPE_CHECKING:
    import torch

FILE_NAME = "checkpoint.safetensors"
_HEADER = "lifecycle.checkpoint/1"


@dataclass(frozen=True)
class Progress:
    """How far a run had come when it wrote a checkpoint, and what it had used by then."""

    epochs_done: int
    seconds: float


class Checkpoints:
    """The checkpoint of one run, in a folder of its own."""

    def __init__(self, folder: Path, identity: Digest) -> None:
        self.path = folder / FILE_NAME
        self._identity = identity
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error

    def save(self, progress: Progress, module: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Replaces the checkpoint. After a crash at any moment, either the old or the new one stands, whole."""
        from safetensors.torch import save

        tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
        held = optimiser.state_dict()
        plain: dict[str, dict[str, Any]] = {}
        for index, state in held["state"].items():
            for key, value in state.items():
                if hasattr(value, "dtype"):
                    tensors[f"optimiser.{index}.{key}"] = value
                else:
                    plain.setdefault(str(index), {})[key] = value
        header = {
            "format": _HEADER,
            "identity": self._identity,
            "epochs_done": progress.epochs_done,
            "seconds": progress.seconds,
            "optimiser_groups": held["param_groups"],
            "optimiser_plain": plain,
        }
        # A copy of its own for each: safetensors refuses tensors that share memory, and tied weights do.
        owned = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        content = save(owned, metadata={"lifecycle": json.dumps(header, sort_keys=True)})
        try:
            durable.replace(self.path, content, mode=0o644)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def restore(self, module: torch.nn.Module, optimiser: torch.optim.Optimizer) -> Progress | None:
        """Puts module and optimiser where the checkpoint left them; None where there is no checkpoint.

        Raises InvalidDeclaration for a checkpoint of another run, Tampered for one that can't be read.
        """
        if not self.path.exists():
            return None
        header, tensors = self._read()
        if header.get("identity") != self._identity:
            raise InvalidDeclaration(
                f"The checkpoint {self.path} belongs to a training with other data, code or options.",
                "Use a training id of its own for a training that differs.",
            )
        state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in header["optimiser_plain"].items()}
        weights: dict[str, Any] = {}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "module":
                weights[rest] = tensor
            else:
                index, _, key = rest.partition(".")
                state.setdefault(int(index), {})[key] = tensor
        groups = [{key: tuple(value) if key == "betas" else value for key, value in group.items()} for group in header["optimiser_groups"]]
        try:
            module.load_state_dict(weights)
            optimiser.load_state_dict({"state": state, "param_groups": groups})
        except (RuntimeError, ValueError, KeyError) as error:
            raise Tampered(
                f"The checkpoint {self.path} does not fit the network that is trained.", "Remove it to train from the start."
            ) from error
        return Progress(epochs_done=int(header["epochs_done"]), seconds=float(header["seconds"]))

    def _read(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as opened:
                header = json.loads((opened.metadata() or {})["lifecycle"])
                if header.get("format") != _HEADER:
                    raise ValueError("another format")
                return header, {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
        except (SafetensorError, KeyError, ValueError, AttributeError, OSError) as error:
            raise Tampered(
                f"The checkpoint {self.path} can't be read.", "Remove it to train from the start; what was trained before is lost."
            ) from error


def _unwritable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"{path} can't be written: {error.strerror}.", "Give yourself write access to it, free some space, or set another LIFECYCLE_HOME."
    )
