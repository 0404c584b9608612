"""A file that one process at a time holds, with who that is: so that whoever comes second is told, and can look for the first.

The system lets go of it when the process ends, however it ends; what the file says then is of no meaning.
"""

import fcntl
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

WORDS = 200
"""Bytes of what is read; a file that a stranger made says no more than that."""


class Taken(Exception):
    """Another holds it: `str()` says who."""


def us() -> str:
    """This process, as others are told."""
    return f"process {os.getpid()} of host {socket.gethostname()[:64]}, since {said(datetime.now(UTC))}"


def said(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def take(path: Path) -> int:
    """Hold the file, made if it is not there; the descriptor to close. Raises `Taken`, and OSError where it cannot be opened."""
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as other:
        who = _read(held)
        os.close(held)
        raise Taken(who) from other
    os.ftruncate(held, 0)
    os.pwrite(held, f"{us()}\n".encode(), 0)
    return held


def holder(path: Path) -> str:
    """Who holds it; empty when nobody does."""
    try:
        held = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(held)
    finally:
        os.close(held)
    return ""


def _read(held: int) -> str:
    """The words of the holder. Between taking and writing there is a moment in which it has said nothing."""
    words = os.pread(held, WORDS, 0).decode("utf-8", "replace").strip()
    return words if words and words.isprintable() else "an unknown process"
