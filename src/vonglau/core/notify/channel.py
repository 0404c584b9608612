"""What a channel is: how one notice leaves the house, and what came of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vonglau.core.errors import VongLauError
from vonglau.core.notify_models import Notice


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has it. `status`: its HTTP answer, where it speaks HTTP."""

    status: int | None = None
    words: str = ""


class NotDelivered(VongLauError):
    """The other side does not have it, as far as we know. The message is shown to administrators."""

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int | None = None,
        retry_after: float | None = None,
        final: bool = False,
        gone: bool = False,
        moot: bool = False,
    ) -> None:
        """`retry_after`: seconds the other side asked for. `final`: trying again cannot help. `gone`: it wants no more, ever.
        `moot`: there is nobody left to be told, which is no failure."""
        super().__init__(*[message[:300]] if message else [])
        self.status_code, self.retry_after = status_code, retry_after
        self.final, self.gone, self.moot = final or gone or moot, gone, moot


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a notice is tried again: doubling from `first` up to `most` seconds, half of each wait by chance, until `horizon`."""

    first: float
    most: float
    horizon: timedelta

    def delay(self, tries: int, chance: float) -> float:
        """Seconds after the `tries`-th failure (from 1); `chance` in [0, 1) spreads receivers that failed together."""
        whole = min(self.most, self.first * 2.0 ** min(tries - 1, 30))
        return whole / 2 + whole / 2 * chance


@dataclass(frozen=True, slots=True)
class Lane:
    """A queue of its own. `parallel`: sends at a time. `suspect`: it failed last time, and may not take the place of others."""

    name: str
    parallel: int
    suspect: bool = False


Send = Callable[[], Delivered]
"""The sending itself: input and output alone, no database. Raises NotDelivered."""


class Channel(Protocol):
    """A way out of the house."""

    name: str
    schedule: Schedule

    def lanes(self, now: datetime) -> Iterable[Lane]:
        """The lanes that may be sent on now."""

    def prepare(self, notice: Notice) -> Send:
        """All that must be read from the database, so that the send needs none. Raises NotDelivered."""

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        """Called in the transaction that records what came of a send: the place to remember the other side's health."""
