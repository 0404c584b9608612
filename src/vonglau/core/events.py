"""What happened. Contract 1 of the house.

An event has the CloudEvents 1.0 attributes, plus where it happened (`lon`, `lat`, WGS 84) and its world. It is immutable;
`(world, source, id)` is its identity: sent twice, stored once; the same identity with other content or time is quarantined.
Personal data never enters events: they hold references and salted digests only.

This module is pure: no Django, no database, no clock.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

LIVE = "live"
"""The world of what really happens. Absent CloudEvents extension `exercise` means this one."""

FUTURE_TOLERANCE = timedelta(minutes=10)
"""How far an event's time may be ahead of its world's clock before it is quarantined."""

TICK_TYPE = "vn.vonglau.clock.tick"
"""Ticks are events of the log too, so that silence is a fold like any other. `time` is the world's clock."""

LOST_TYPE = "vn.vonglau.log.lost"
"""Stands at a position whose event was lost with a damaged file, so that no other event is ever given that position (`core/lost.py`)."""

TICKS_OFTEN = 180
TICKS_SELDOM = 10
TICKS_LONGEST = 7 * 1_440
"""How a clock that is driven by its events is read across a gap: every minute for three hours, then every ten, for a week at most."""


def ticks_between(before: int, number: int) -> list[int]:
    """Numbers of the ticks after `before`, up to and including `number`, at which a driven clock is read."""
    often = range(before + 1, min(number, before + TICKS_OFTEN) + 1)
    seldom = range(before + TICKS_OFTEN + TICKS_SELDOM, min(number, before + TICKS_LONGEST) + 1, TICKS_SELDOM)
    return [*often, *seldom]


WORLD_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")

TIME_ASSUMED = "time_assumed"
"""Mark among an event's extensions: the sender gave no time, `time_us` is the receipt. Sent again, it is the same event
despite a later receipt. The underscore keeps marks apart from every legal CloudEvents attribute."""

DATA_BASE64 = "data_base64"
"""Mark among an event's extensions: `data` is a JSON string of Base64, because the payload was not JSON."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC: exact integers, because floats of today's seconds lose microseconds."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event, checked. `data` is the JSON text as it was sent (UTF-8), never re-serialised; empty when there is none.

    A Struct, because it is made ten times faster than a frozen dataclass, and the door makes one for every item.
    """

    id: str
    source: str
    type: str
    time_us: int
    """When it happened, µs UTC. The sender's `time`, or the receipt when it was absent."""
    subject: str | None = None
    lon: float | None = None
    lat: float | None = None
    data: bytes = b""
    world: str = LIVE
    extensions: Mapping[str, str | int | bool] = msgspec.field(default_factory=dict)
    """Other CloudEvents attributes as sent (datacontenttype, dataschema, traceparent, …)."""

    @property
    def time(self) -> datetime:
        return from_us(self.time_us)


def members(event: Event) -> dict[str, Any]:
    """The event as the members of a CloudEvents JSON object, `data` byte for byte as it was sent (for msgspec to encode)."""
    out: dict[str, Any] = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type}
    if TIME_ASSUMED not in event.extensions:
        out["time"] = event.time
    if event.subject is not None:
        out["subject"] = event.subject
    if event.lon is not None and event.lat is not None:
        out["lon"], out["lat"] = repr(event.lon), repr(event.lat)
    if event.world != LIVE:
        out["exercise"] = event.world
    out.update((name, value) for name, value in event.extensions.items() if name not in (TIME_ASSUMED, DATA_BASE64))
    if event.data:
        out["data_base64" if DATA_BASE64 in event.extensions else "data"] = msgspec.Raw(event.data)
    return out


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the log."""

    pos: int
    recorded_us: int
    event: Event


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an item was not accepted. `pointer` is an RFC 6901 JSON pointer into the item; `reason` is advice in English."""

    pointer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """A version of a payload that may still be sent, and stands in the log for ever."""

    payload: type[Any] | None
    upgrade: Callable[[Any], Any]
    """Its decoded JSON as that of the next version; a KeyError, TypeError or ValueError means: this one cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A type a service declares: events of this type with another payload are quarantined, undeclared types are kept.

    `payload` is a msgspec Struct type; the door decodes `data` into it strictly and keeps the bytes as sent.
    """

    name: str
    title: object
    """Shown to people; may be a lazy translation."""
    payload: type[Any] | None
    direction: str = "in"
    version: int = 1
    """Of the payload. Raise it for an incompatible one, which is then sent as `<name>.v<version>` (see `core/versions.py`)."""
    older: Mapping[int, Older] = field(default_factory=dict)
    """Every version before this one, by its number."""
    measure: Callable[[Any], tuple[str, float] | None] | None = None
    """(quantity, value) of a decoded payload: history keeps them as columns, so that questions about numbers read no JSON."""
    keep_days: int | None = None
    """How long events of this type are needed; None: for ever. `data/retention` has the last word, and the law the first."""

    def __post_init__(self) -> None:
        if sorted(self.older) != list(range(1, self.version)):
            raise ValueError(f"event type {self.name}: `older` must hold every version from 1 to {self.version - 1}")
