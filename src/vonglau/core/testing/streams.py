"""Made-up streams: events, ticks between them, and what a detector says of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.events import TICK_TYPE, Event, from_us, to_us
from vonglau.core.log import Batch

MINUTE = timedelta(minutes=1)


def event(
    type: str,
    at: datetime,
    data: Mapping[str, Any] | None = None,
    *,
    subject: str = "s1",
    lon: float | None = None,
    lat: float | None = None,
    source: str = "/test",
    world: str = "live",
) -> Event:
    """One event as the door would store it; its id is made of what it says."""
    return Event(
        id=f"{subject}-{to_us(at)}",
        source=source,
        type=type,
        time_us=to_us(at),
        subject=subject,
        lon=lon,
        lat=lat,
        data=msgspec.json.encode(dict(data)) if data is not None else b"",
        world=world,
    )


def tick(at: datetime, world: str = "live") -> Event:
    """The world's clock, as it stands in the log once a minute."""
    return Event(id=f"tick-{to_us(at)}", source="/vonglau/clock", type=TICK_TYPE, time_us=to_us(at), world=world)


def ticking(events: Sequence[Event], until: datetime | None = None, every: timedelta = MINUTE) -> list[Event]:
    """The events in order of time with a tick at each step of the clock, a tick before what came at the same moment."""
    step = every // timedelta(microseconds=1)
    first = min(one.time_us for one in events)
    last = max(one.time_us for one in events) if until is None else to_us(until)
    ticks = [tick(from_us(number * step)) for number in range(first // step + 1, last // step + 1)]
    return sorted([*events, *ticks], key=lambda one: (one.time_us, one.type != TICK_TYPE))


def batch(events: Sequence[Event], first: int = 1) -> Batch:
    """The events as a run of the log from position `first` on."""
    nan = float("nan")
    return Batch(
        pos=np.arange(first, first + len(events), dtype=np.int64),
        time=np.array([one.time_us for one in events], dtype=np.int64),
        world=[one.world for one in events],
        source=[one.source for one in events],
        id=[one.id for one in events],
        type=[one.type for one in events],
        subject=[one.subject for one in events],
        lon=np.array([nan if one.lon is None else one.lon for one in events], dtype=np.float64),
        lat=np.array([nan if one.lat is None else one.lat for one in events], dtype=np.float64),
        data=[one.data for one in events],
        through=first + len(events) - 1,
    )


def fold(
    detector: Detector, whole: Batch, cuts: Iterable[int] = (), *, reload: bool = False
) -> tuple[bytes, list[AlertDraft]]:
    """The state's bytes and everything said, when the run is cut at these places; with `reload` through bytes at each cut."""
    state: Any = detector.initial()
    said: list[AlertDraft] = []
    for start, end in pairwise([0, *sorted(cuts), len(whole)]):
        if reload:
            state = detector.load(detector.dump(state))
        state, drafts = detector.fold(state, whole.take(range(start, end)))
        said += drafts
    return detector.dump(state), said


def latest(said: Iterable[AlertDraft]) -> list[AlertDraft]:
    """The last word on each alert, in order of onset."""
    words = {draft.identity: draft for draft in said}
    return sorted(words.values(), key=lambda draft: (draft.onset_us, draft.identity))
