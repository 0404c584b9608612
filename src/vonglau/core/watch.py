"""Watches the fold: a detector that does not come back is interrupted, and the process ends if that does not help.

Two nets. A rule that loops in Python gets an exception of its own (`FoldTooLong`) from a thread that looks at the clock. A rule that
hangs in C and keeps the interpreter to itself cannot be reached that way: `faulthandler`'s timer, which needs no interpreter, then
writes where it hangs and ends the process; who was folding stands in a small mapped file, and the next process isolates it. That
file also tells whom a process that died of something else (out of memory, a crash in a library) was busy with.

Threads of Python cannot be killed, and a process per detector would copy every batch: measured in docs/decisions/0010.
"""

import ctypes
import faulthandler
import logging
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import msgspec

log = logging.getLogger("vonglau.watch")

SECONDS = 20.0
"""A fold of some thousand events takes some ten milliseconds; one that takes this long does not come back."""
GRACE = 10.0
"""After this much more the process ends."""
LOOK = 0.25
ARM_EVERY = 1.0
DEATHS_MOST = 3
"""A process may die for many reasons. Three times in a row over the same events is the detector's doing."""
SIZE = 1024


class FoldTooLong(BaseException):
    """The fold took longer than it may. Not an Exception, so that a rule's own `except Exception` does not swallow it."""


class Blame(msgspec.Struct, frozen=True):
    """Who was folding what when the process ended."""

    detector: str
    version: int
    world: str
    first: int
    last: int
    deaths: int = 0
    hung: bool = False


@dataclass(slots=True)
class _Now:
    """The fold that is under way."""

    until: float
    thread: int
    interrupted: bool = False


class Watch:
    """One per folding process. Without a folder nothing outlives the process, and a hang in C ends nothing (tests, commands)."""

    def __init__(self, folder: Path | None = None, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.blamed: Blame | None = None
        self._lock = threading.Lock()
        self._now: _Now | None = None
        self._ended = threading.Event()
        self._armed = 0.0
        self._marker: mmap.mmap | None = None
        self._hung: TextIO | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._open(folder)
        threading.Thread(target=self._look, name="watch", daemon=True).start()

    def _open(self, folder: Path) -> None:
        hung = folder / "fold.hung"
        trace = hung.read_text("utf-8", "replace") if hung.exists() else ""
        marker = os.open(folder / "fold.now", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(marker, 0, SIZE)  # a hole in the file would end the process on a full disk
            self._marker = mmap.mmap(marker, SIZE)
        finally:
            os.close(marker)
        if self._marker[:1] == b"1":
            try:
                was = msgspec.json.decode(self._marker[1:].partition(b"\0")[0], type=Blame)
            except msgspec.MsgspecError:
                log.exception("the fold's marker cannot be read; nobody is blamed")
            else:
                self.blamed = msgspec.structs.replace(was, deaths=was.deaths + 1, hung=bool(trace))
        if trace:
            log.error("the last process ended because a detector hung: %s", trace[:4000])
        self._marker[:1] = b"0"
        self._hung = hung.open("w", encoding="utf-8")

    def close(self) -> None:
        self._ended.set()
        self.rest()
        if self._marker is not None:
            self._marker.close()
            self._marker = None
        if self._hung is not None:
            self._hung.close()
            self._hung = None

    @contextmanager
    def folding(self, detector: str, version: int, world: str, first: int, last: int) -> Iterator[None]:
        """Around one call of a detector's. Raises FoldTooLong in the middle of it when it takes too long."""
        now = time.monotonic()
        if self._marker is not None:
            self._mark(detector, version, world, first, last)
            if now - self._armed > ARM_EVERY and self._hung is not None:
                self._armed = now
                faulthandler.dump_traceback_later(self.seconds + GRACE, exit=True, file=self._hung)
        current = _Now(now + self.seconds, threading.get_ident())
        self._now = current
        try:
            yield
        finally:
            with self._lock:
                self._now = None
                if current.interrupted:  # too late: it has just come back
                    _interrupt(current.thread, None)
            if self._marker is not None:
                self._marker[:1] = b"0"

    def rest(self) -> None:
        """Nothing is folded for now: the timer must not end an idle process."""
        if self._armed:
            self._armed = 0.0
            faulthandler.cancel_dump_traceback_later()

    def _mark(self, detector: str, version: int, world: str, first: int, last: int) -> None:
        was = self.blamed
        again = was is not None and (was.detector, was.world) == (detector, world) and first <= was.last
        deaths = was.deaths if was is not None and again else 0
        text = msgspec.json.encode(Blame(detector, version, world, first, last, deaths))
        if self._marker is not None and len(text) < SIZE:
            self._marker[1 : len(text) + 2] = text + b"\0"
            self._marker[:1] = b"1"

    def _look(self) -> None:
        while not self._ended.wait(LOOK):
            with self._lock:
                now = self._now
                if now is not None and not now.interrupted and time.monotonic() > now.until:
                    now.interrupted = True
                    _interrupt(now.thread, FoldTooLong)


def _interrupt(thread: int, kind: type[BaseException] | None) -> None:
    """Raise in another thread at its next step in Python; None takes an interruption back that has not arrived."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind) if kind else None)
