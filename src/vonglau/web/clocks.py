"""The worlds and their clocks, as the door needs them: a second old at most, never read while an event waits."""

import threading
import time
from collections.abc import Iterable
from datetime import datetime

from django.db import close_old_connections

from vonglau.core import outages
from vonglau.core.errors import NotFound
from vonglau.core.events import LIVE
from vonglau.core.worlds import World, WorldKind
from vonglau.web.rereading import Rereading

REFRESH_SECONDS = 1.0
MISS_SECONDS = 0.1
"""An unknown world makes the table be read again, once in this time."""


class Clocks:
    """Threads may share it. `refresh` reads the table and belongs in a thread; the rest answers from memory."""

    def __init__(self) -> None:
        self._worlds: dict[str, World] = {LIVE: World(id=LIVE, kind=WorldKind.LIVE)}
        self._read_at = 0.0
        self._lock = threading.Lock()
        self._rereading = Rereading(self.refresh, MISS_SECONDS)

    def refresh(self) -> None:
        """Raises `Unavailable` when the table cannot be read; the worlds that were known stay."""
        with self._lock, outages.translated():
            close_old_connections()
            rows = {one.pk: one for one in World.objects.filter(ended_at=None)}
            self._worlds = {LIVE: self._worlds[LIVE], **rows}
            self._read_at = time.monotonic()

    def stale(self) -> bool:
        return time.monotonic() - self._read_at > REFRESH_SECONDS

    def now(self, world: str) -> datetime | None:
        """A world's clock; None for a recording: its events drive it. Raises NotFound for a world that is not there."""
        one = self._worlds.get(world)
        if one is None:
            raise NotFound(f"There is no world {world!r} here.")
        return None if one.driven else one.now()

    async def meet(self, worlds: Iterable[str]) -> bool:
        """Look again for worlds that `now` did not find; whether one of them is there. Raises `Unavailable` when nobody can tell."""
        await self._rereading.again()
        return any(world in self._worlds for world in worlds)

    def worlds(self) -> list[World]:
        return list(self._worlds.values())
