"""The console that verbs print on. It stands apart from `render`, because a class of rich's costs its import."""

from __future__ import annotations

import errno
import os

from rich.console import Console


class Terminal(Console):
    """A console that leaves a broken pipe to `main`, which knows whether it was the reader who left."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
