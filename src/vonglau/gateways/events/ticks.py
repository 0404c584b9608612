"""Ticks: time passes as events of the log, so that silence is a fold like any other.

The number of a tick is the number of its boundary since 1970, so that a tick that is written again after a restart is a
duplicate and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from vonglau.core.errors import Unavailable
from vonglau.core.events import TICK_TYPE, Event, from_us, ticks_between, to_us
from vonglau.core.failing import Failing
from vonglau.core.log import Outcome, Receipt, Rejected

logger = logging.getLogger(__name__)

SOURCE = "/vonglau/clock"
TICK_SECONDS = 60
"""World time between two ticks."""

WOVEN_AT_MOST = 20_000
"""Ticks put into one transaction; beyond it a gap gets its last tick only. Times are a sender's to choose."""

POLL_S = 0.1
"""How often clocks are looked at: at sixty times the wall's rate a tick is then due every second."""


class WorldClock(Protocol):
    """What a ticker needs to know of a world."""

    @property
    def id(self) -> str: ...
    @property
    def driven(self) -> bool:
        """True where events drive the clock (recordings)."""

    @property
    def own_ticks(self) -> bool:
        """True where the events bring the ticks that were heard then: none are made, or silence would be heard elsewhere."""

    def now(self) -> datetime: ...


def tick(world: str, number: int, tick_us: int) -> Event:
    """The tick at boundary `number` of a world."""
    at = from_us(number * tick_us)
    return Event(
        id=str(number),
        source=SOURCE,
        type=TICK_TYPE,
        time_us=number * tick_us,
        world=world,
        data=msgspec.json.encode({"clock": at}),
    )


class Ticker:
    """Makes ticks of clocks by polling them, and of recordings by following what is appended.

    `worlds` names the active worlds and is asked at every poll: it must be cheap. `advanced` is told, in the writing thread,
    how far the events of a recording have driven its clock.
    """

    def __init__(
        self,
        worlds: Callable[[], Sequence[WorldClock]],
        *,
        tick_seconds: int = TICK_SECONDS,
        advanced: Callable[[str, int], None] | None = None,
    ) -> None:
        self._worlds = worlds
        self._tick_us = tick_seconds * 1_000_000
        self._advanced = advanced
        self._known: set[str] = set()
        self._last: dict[str, int] = {}
        self._driven: dict[str, int] = {}
        """Recordings and the largest time accepted in them, µs."""
        self.refresh()

    def refresh(self) -> list[WorldClock]:
        """Look which worlds there are; those whose clock is not driven by events."""
        polled = []
        for world in self._worlds():
            self._known.add(world.id)
            if not world.driven:
                polled.append(world)
            elif not world.own_ticks and world.id not in self._driven:
                seen = to_us(world.now())
                self._last.setdefault(world.id, seen // self._tick_us)
                self._driven[world.id] = seen
        return polled

    def due(self) -> list[Event]:
        """Ticks of the polled clocks that have crossed a boundary since they were last looked at: the latest one each."""
        found = []
        for world in self.refresh():
            number = to_us(world.now()) // self._tick_us
            if self._last.get(world.id) != number:
                self._last[world.id] = number
                found.append(tick(world.id, number, self._tick_us))
        return found

    def weave(self, items: Sequence[Event | Rejected]) -> tuple[list[Event | Rejected], list[int]] | None:
        """The items with the ticks that their times cross in front of them, and where each item then stands; None: no tick.

        So that a recording's clock passes between its events however many of them come at once, as it would have live. Changes
        nothing here: what was appended is told to `follow`.
        """
        worlds = {item.world for item in items if isinstance(item, Event)}
        if not worlds <= self._known:  # made a moment ago: the first batch of a recording must not outrun the poll
            self.refresh()
        if worlds.isdisjoint(self._driven):
            return None
        reached: dict[str, int] = {}
        woven: list[Event | Rejected] = []
        places: list[int] = []
        for item in items:
            if isinstance(item, Event) and item.world in self._driven:
                number = item.time_us // self._tick_us
                before = reached.get(item.world, self._last[item.world])
                if number > before:
                    reached[item.world] = number
                    crossed = (
                        ticks_between(before, number) if before else []
                    )  # a clock that never ran has crossed nothing
                    if len(woven) - len(places) + len(crossed) > WOVEN_AT_MOST:
                        crossed = crossed[-1:]
                    woven.extend(tick(item.world, one, self._tick_us) for one in crossed)
            places.append(len(woven))
            woven.append(item)
        return (woven, places) if len(woven) > len(places) else None

    def follow(self, items: Sequence[Event | Rejected], receipts: Sequence[Receipt]) -> list[Event]:
        """The ticks that a transaction's events bring about in recordings; appended right behind it."""
        reached: dict[str, int] = {}
        driven = self._driven
        if not driven:
            return []
        for item, receipt in zip(items, receipts, strict=True):
            if receipt.outcome is Outcome.ACCEPTED and isinstance(item, Event) and item.world in driven:
                if item.type == TICK_TYPE and item.source == SOURCE:
                    self._last[item.world] = max(self._last[item.world], item.time_us // self._tick_us)
                reached[item.world] = max(reached.get(item.world, item.time_us), item.time_us)
        ticks = []
        for world, time_us in reached.items():
            if time_us <= driven[world]:
                continue
            driven[world] = time_us
            if self._advanced is not None:
                self._advanced(world, time_us)
            number = time_us // self._tick_us
            if number > self._last[world]:
                self._last[world] = number
                ticks.append(tick(world, number, self._tick_us))
        return ticks

    async def run(self, submit: Callable[[list[Event], str | None], Awaitable[object]]) -> None:
        """Poll until cancelled. A tick that cannot be written is made up for by the next one."""
        failing = Failing()
        while True:
            ticks = self.due()
            if ticks:
                try:
                    await submit(ticks, None)
                    failing.well()
                except Unavailable as error:
                    if failing.worth_saying(error):
                        logger.warning("ticks could not be written: %s", error)
            await asyncio.sleep(POLL_S)
