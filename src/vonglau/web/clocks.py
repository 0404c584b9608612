"""The worlds and their clocks, as the door needs them: a second old at most, never read while an event waits."""

import threading
import time
from datetime import datetime

from django.db import DatabaseError, close_old_connections

from vonglau.core.events import LIVE
from vonglau.core.worlds import World, WorldKind

REFRESH_SECONDS = 1.0


class Clocks:
    """Threads may share it. `refresh` reads the table and belongs in a thread; the rest answers from memory."""

    def __init__(self) -> None:
        self._worlds: dict[str, World] = {LIVE: World(id=LIVE, kind=WorldKind.LIVE)}
        self._read_at = 0.0
        self._lock = threading.Lock()

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

    def known(self, world: str) -> bool:
        return world in self._worlds

    def now(self, world: str) -> datetime | None:
        """A world's clock; None for a recording (any time is its time) and for a world that is not there."""
        one = self._worlds.get(world)
        return None if one is None or one.driven else one.now()

    def ticking(self) -> list[World]:
        """Worlds whose time passes by itself."""
        return [one for one in self._worlds.values() if not one.driven]
