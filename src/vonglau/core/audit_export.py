"""The exported checkpoints: one JSON line each, in a file that may be copied to where the machine's owner cannot write.

Lines follow the commits that they speak of, never the other way round: a number that was exported is never given again with another
hash. A process that dies between the two leaves a line out, or half of one; the next export puts right both.
"""

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vonglau.core.audit_models import Checkpoint

_END = 4096
"""Bytes at the file's end in which its last line stands: a line has some 250."""


def number(line: bytes) -> int:
    """Of a line of the file; 0 for one that cannot be read: it is kept, and `check` says what is wrong with it."""
    with suppress(ValueError, KeyError, TypeError):
        return int(json.loads(line)["n"])
    return 0


def line(point: Checkpoint) -> bytes:
    heads = len(json.loads(bytes(point.heads)))
    said = {"n": point.n, "at": point.at.isoformat(), "heads": heads, "root": point.root, "hash": point.hash}
    return json.dumps(said).encode() + b"\n"


def bring_up(path: Path) -> None:
    """Append what was committed and is not in the file yet. Raises OSError; what is missing then is written the next time."""
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _cut_torn(file)
        missing = Checkpoint.objects.filter(n__gt=_last(file)).order_by("n")
        for point in missing.iterator(chunk_size=1000):
            file.write(line(point))
        file.flush()
        os.fsync(file.fileno())


def _cut_torn(file: BinaryIO) -> None:
    """Half a line was vouched for to nobody: it is written again, whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END))
    end = file.read()
    if end and not end.endswith(b"\n"):
        file.truncate(size - len(end) + end.rfind(b"\n") + 1)


def _last(file: BinaryIO) -> int:
    """The highest number in the file; 0 when it is empty."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END))
    if found := max(map(number, file.readlines()), default=0):
        return found
    file.seek(0)
    return max(map(number, file), default=0)
