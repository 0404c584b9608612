"""How long a durable write takes just now: what the door refuses by, and what an operator sees of a slow disk."""

import time
from collections import deque
from collections.abc import Callable

LAST = 20
LATELY_S = 90.0
"""Seconds; a live world commits a tick every minute."""
SLOW_S = 0.25
"""Seconds from which a disk is called slow: a hundred times what an SSD needs."""


class Pace:
    """The mean of the last commits, and the one under way when that is longer. One thread writes, any may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended: deque[tuple[float, float]] = deque(maxlen=LAST)
        self._began: float | None = None

    def begin(self) -> None:
        self._began = self._clock()

    def end(self, *, committed: bool) -> float:
        """Seconds since `begin`. What was not committed says nothing of the disk."""
        now = self._clock()
        taken = now - (self._began if self._began is not None else now)
        self._began = None
        if committed:
            self._ended.append((now, taken))
        return taken

    @property
    def under_way(self) -> bool:
        return self._began is not None

    def seconds(self) -> float:
        """0.0 when nothing was committed lately."""
        now, began = self._clock(), self._began
        lately = [taken for at, taken in tuple(self._ended) if now - at <= LATELY_S]
        mean = sum(lately) / len(lately) if lately else 0.0
        return max(mean, now - began) if began is not None else mean

    def slow(self) -> str:
        """What to tell whoever asks whether all is well; empty when it is."""
        took = self.seconds()
        return f"Each write of the log takes {took:.1f} s: its disk is slow, look at it." if took >= SLOW_S else ""
