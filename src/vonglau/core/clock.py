"""The time of this process: the machine's clock, but a jump of it is believed only once it has lasted.

A clock that is set wrong and back again (a virtual machine that wakes up, a time server that errs, a person) would close incidents
that wait, let every sensor fall silent, and refuse what comes in as from the future. So beside the wall's time stands the count of seconds
since the machine started, which nothing sets. As long as both agree, the wall is right, slow corrections included. When they part by more
than `STEP_SECONDS` at once, the count goes on alone; after `HOLD_SECONDS` the wall is believed, since a clock that was wrong and has
been corrected stays where it is. A process that starts believes the wall.

For what happens in a city (worlds, ticks, deadlines, tolerance). Sessions, tokens and records of when somebody did something take the wall.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

log = logging.getLogger("vonglau.clock")

STEP_SECONDS = 60.0
"""Wall and count part by at most this much between two looks, or the clock has jumped. Looks are far closer in a process that serves."""
HOLD_SECONDS = 600.0
"""How long a jump must last."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _count() -> float:
    """Seconds since the machine started, sleep included where the system counts it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """Threads may share it. `wall`: Unix time, seconds. `count`: seconds since any moment, never set."""

    def __init__(self, wall: Callable[[], float] = time.time, count: Callable[[], float] = _count) -> None:
        self._wall, self._count = wall, count
        self._lock = threading.Lock()
        self._offset = wall() - count()
        """Wall less count, as believed."""
        self._other: float | None = None
        """Wall less count, as the wall says since it jumped."""
        self._since = 0.0

    def now(self) -> datetime:
        with self._lock:
            return _EPOCH + timedelta(seconds=self._seconds())

    def jumped(self) -> float:
        """Seconds by which the machine's clock is ahead of what is believed; 0 while they agree."""
        with self._lock:
            self._seconds()
            return 0.0 if self._other is None else self._other - self._offset

    def _seconds(self) -> float:
        count = self._count()
        offset = self._wall() - count
        if abs(offset - self._offset) <= STEP_SECONDS:
            if self._other is not None:
                log.warning("the machine's clock is back where it was; its jump has changed nothing")
                self._other = None
            self._offset = offset
        elif self._other is None or abs(offset - self._other) > STEP_SECONDS:
            log.warning(
                "the machine's clock jumped by %.0f s; it is not believed until that has lasted ten minutes",
                offset - self._offset,
            )
            self._other, self._since = offset, count
        elif count - self._since >= HOLD_SECONDS:
            log.warning("the machine's clock stays %.0f s from where it was and is believed now", offset - self._offset)
            self._offset, self._other = offset, None
        return count + self._offset


_clock = Clock()

now = _clock.now
jumped = _clock.jumped
