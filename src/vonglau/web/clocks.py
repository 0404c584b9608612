"""The worlds and their clocks, as the door needs them: a second old at most, never read while an event waits."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import DatabaseError, close_old_connections

from vonglau.core.errors import NotFound
from vonglau.core.events import LIVE
from vonglau.core.worlds import World, WorldKind

REFRESH_SECONDS = 1.0
MISS_SECONDS = 0.1
"""An unknown world makes the table be read again, but not more often than this."""


class Clocks:
    """Threads may share it. `refresh` reads the table and belongs in a thread; the rest answers from memory."""

    def __init__(self) -> None:
        self._worlds: dict[str, World] = {LIVE: World(id=LIVE, kind=WorldKind.LIVE)}
        self._read_at = 0.0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="clocks")

    def refresh(self) -> None:
        with self._lock:
            close_old_connections()
            try:
                rows = {one.pk: one for one in World.objects.filter(ended_at=None)}
            except DatabaseError:
                return
            self._worlds = {LIVE: self._worlds[LIVE], **rows}
            self._read_at = time.monotonic()

    def stale(self) -> bool:
        return time.monotonic() - self._read_at > REFRESH_SECONDS

    def now(self, world: str) -> datetime | None:
        """A world's clock; None for a recording: its events drive it. Raises NotFound for a world that is not there."""
        one = self._worlds.get(world)
        if one is None and time.monotonic() - self._read_at > MISS_SECONDS:
            # A world that has just been made. Rare, and a read takes a millisecond; the event loop forbids it in its own thread.
            self._pool.submit(self.refresh).result()
            one = self._worlds.get(world)
        if one is None:
            raise NotFound(f"There is no world {world!r} here.")
        return None if one.driven else one.now()

    def worlds(self) -> list[World]:
        return list(self._worlds.values())
