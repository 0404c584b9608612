"""One writer per log: a lock on a file, held for as long as the process lives."""

from pathlib import Path

from vonglau.core import holders
from vonglau.core.errors import Unavailable
from vonglau.engines.embedded.sqlite import translated


def hold(path: Path) -> int:
    """Take the writer's lock; the system lets go of it when the process ends, however it ends."""
    try:
        with translated():
            return holders.take(path)
    except holders.Taken as who:
        raise Unavailable(
            f"Another process is already writing this event log: {who}. "
            "Only one door may: stop it first, or use another data folder."
        ) from who
