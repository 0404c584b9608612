"""Saying a failure once, by whoever tries again and again. Knows no Django: the door uses it."""

import time
from collections.abc import Callable

SAID_EVERY = 600.0
"""Seconds after which a failure that goes on is said again."""


class Failing:
    """What a task that is tried again and again says: the first failure, another failure, the same one every ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._was = ""
        self._said_at = self._since = 0.0
        self.times = 0
        """Failures in a row."""

    def worth_saying(self, problem: BaseException) -> bool:
        """Count a failure; whether it should be said."""
        now, what = self._clock(), f"{type(problem).__name__}: {problem}"
        if not self.times:
            self._since = now
        self.times += 1
        if what == self._was and now - self._said_at < SAID_EVERY:
            return False
        self._was, self._said_at = what, now
        return True

    def well(self) -> tuple[int, float] | None:
        """It worked: how often it had failed before, and for how many seconds; None when it had not."""
        times, self.times, self._was = self.times, 0, ""
        return (times, self._clock() - self._since) if times else None
