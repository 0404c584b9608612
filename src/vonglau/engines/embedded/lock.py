"""One writer per log: a lock on a file, held for as long as the process lives."""

import fcntl
import os
from pathlib import Path

from vonglau.core.errors import Unavailable
from vonglau.engines.embedded.sqlite import translated


def hold(path: Path) -> int:
    """Take the writer's lock; the system lets go of it when the process ends, however it ends."""
    with translated():
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(held, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(held)
            raise Unavailable(
                f"Another process (pid {owner}) is already writing this event log. "
                "Only one door may: stop it first, or use another data folder."
            ) from error
        os.ftruncate(held, 0)
        os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held
