"""Files that processes map to share what is in them: they outlive their processes, and nothing of them has to be written twice."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from lifecycle.serving.folder import unwritable


def mapped(path: Path, size: int) -> mmap.mmap:
    """A file of this size, made if need be, to read and to write. Raises Unavailable where it can't be written.

    A shorter one is of before all of this stood in it: what it has keeps its place. A longer one is of another layout, and is emptied.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(descriptor).st_size
            if found > size:
                os.ftruncate(descriptor, 0)
            if found != size:
                # Nothing of it is on the disk before it is needed.
                os.ftruncate(descriptor, size)
            return mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unwritable(path, error) from error
