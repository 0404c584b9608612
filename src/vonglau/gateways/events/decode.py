"""From the JSON text of an item to a checked event, or to the reason why not. Contract 1 of the house.

One decoder serves one process; a `Bounds` says what one request may do.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from vonglau.core import versions
from vonglau.core.errors import NotFound
from vonglau.core.events import (
    DATA_BASE64,
    FUTURE_TOLERANCE,
    LIVE,
    TIME_ASSUMED,
    WORLD_PATTERN,
    Event,
    EventType,
    Fault,
    to_us,
)
from vonglau.core.log import Rejected
from vonglau.gateways.events import attributes
from vonglau.gateways.events.faults import Bad, from_msgspec, no_nul, unreadable
from vonglau.gateways.events.split import Piece

ITEM_BYTES = 256 * 1024
"""Largest item, bytes of its JSON text."""

EARLIEST_US = to_us(datetime(1, 1, 2, tzinfo=UTC))
SHORT = 255
"""Characters up to which an attribute needs no second look."""

LATEST_US = to_us(datetime(9999, 12, 30, tzinfo=UTC))
Clock = Callable[[str], datetime | None]
"""The time in a world; None where its events drive the clock: then no time is too late, and each must give one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLERANCE_US = FUTURE_TOLERANCE.total_seconds() * 1e6
_NOTHING: Mapping[str, str | int | bool] = MappingProxyType({})
_KNOWN_TEXTS = 50_000
_JSON = "application/json"


class Item(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A CloudEvent in JSON. Extensions we do not know send an item along the slower way."""

    specversion: str
    id: str
    source: str
    type: str
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    subject: str | None = None
    lon: float | str | None = None
    lat: float | str | None = None
    exercise: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None


class _Lenient(Item, gc=False, forbid_unknown_fields=False):
    """The same without a word on unknown members."""


_MEMBERS = frozenset(Item.__struct_fields__)
_strict = msgspec.json.Decoder(Item).decode
_lenient = msgspec.json.Decoder(_Lenient).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


FOREIGN = "This token may not speak for this `source`"
"""How the reason begins when an item's source is none of its token's."""


def speaks_for(prefix: str, source: str) -> bool:
    """Whether a source begins with a prefix, and not in the middle of a word: `/sensors/7` covers `/sensors/7/a`, not `/sensors/71`."""
    return source.startswith(prefix) and (
        len(source) == len(prefix) or not prefix[-1:].isalnum() or not source[len(prefix)].isalnum()
    )


class Bounds:
    """What one request may do: the worlds it may write, how late it is in each of them, and the sources it may speak for."""

    def __init__(self, worlds: frozenset[str] | None, clock: Clock, sources: tuple[str, ...] = ()) -> None:
        """`sources`: what a source must begin with, one of these; none given: anything."""
        self.worlds = worlds
        self.sources = sources
        self.spoken: set[str] | None = set() if sources else None
        """Sources of this request that were looked at and are its own; None: all are."""
        self._clock = clock
        self.known: dict[str, int | None] = {}
        """Clocks that were looked at, µs; the same for all items of the request."""
        self.missing: set[str] = set()
        """Worlds that were asked for and are not there."""

    def speak(self, source: str) -> None:
        """Raises `Bad` for a source that is another's."""
        assert self.spoken is not None
        if not any(speaks_for(prefix, source) for prefix in self.sources):
            raise Bad("/source", f"{FOREIGN}; its own begin with {', '.join(self.sources)}.")
        self.spoken.add(source)

    @property
    def own(self) -> str:
        """The world whose quarantine takes items that name none they may write to."""
        return LIVE if self.worlds is None or LIVE in self.worlds or not self.worlds else min(self.worlds)

    def now_us(self, world: str) -> int | None:
        """The world's clock, µs. Raises `Bad` for a world that is not to be written."""
        if world not in self.known:
            if not WORLD_PATTERN.match(world):
                raise Bad(
                    "/exercise", "`exercise` is no world's id: lower-case letters, digits and hyphens, at most 63."
                )
            if self.worlds is not None and world not in self.worlds:
                raise Bad("/exercise", f"This token may not write to the world `{world}`: use the token of that world.")
            try:
                now = self._clock(world)
            except NotFound as error:
                self.missing.add(world)
                raise Bad("/exercise", error.message) from error
            self.known[world] = None if now is None else to_us(now)
        return self.known[world]


class Decoder:
    """Checks items against the attributes of CloudEvents and the payloads of declared types."""

    def __init__(self, types: Mapping[str, EventType]) -> None:
        self._payloads: dict[str, Callable[[bytes], Any] | None] = {
            name: None if payload is None else msgspec.json.Decoder(payload).decode
            for name, payload in versions.payloads(types).items()
        }
        self._sources: set[str] = set()
        self._types: set[str] = set()
        self._longitudes = lru_cache(_KNOWN_TEXTS, typed=True)(partial(attributes.degrees, "lon", most=180.0))
        self._latitudes = lru_cache(_KNOWN_TEXTS, typed=True)(partial(attributes.degrees, "lat", most=90.0))

    def items(self, pieces: Iterable[Piece], bounds: Bounds, *, clean: bool) -> list[Event | Rejected]:
        """An event or a rejection for each piece. `clean`: the whole body is known to be UTF-8 without a spelt NUL."""
        found: list[Event | Rejected] = []
        event = self._event
        for piece in pieces:
            try:
                if len(piece) > ITEM_BYTES:
                    raise Bad(
                        "",
                        f"The item has more than {ITEM_BYTES // 1024} KiB: keep large content outside and refer to it.",
                    )
                if not clean:
                    text = bytes(piece)
                    text.decode()
                    no_nul(text, "")
                found.append(event(_strict(piece), _NOTHING, bounds))
            except msgspec.ValidationError as error:
                found.append(self._slow(bytes(piece), bounds, error))
            except Bad as bad:
                found.append(rejected(bytes(piece), bad.fault, bounds))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                found.append(rejected(bytes(piece), unreadable(error), bounds))
        return found

    def item(self, text: bytes, bounds: Bounds) -> Event | Rejected:
        return self.items([text], bounds, clean=False)[0]

    def _slow(self, text: bytes, bounds: Bounds, error: msgspec.ValidationError) -> Event | Rejected:
        """An item with extensions, or one that breaks a rule."""
        try:
            if "unknown field" not in str(error):
                return rejected(text, from_msgspec(error), bounds)
            item = _lenient(text)
            others = {name: raw for name, raw in _members(text).items() if name not in _MEMBERS}
            extensions = {
                name: attributes.extension(name, value)
                for name, raw in others.items()
                if (value := msgspec.json.decode(raw)) is not None
            }
            return self._event(item, extensions, bounds)
        except Bad as bad:
            return rejected(text, bad.fault, bounds)
        except msgspec.ValidationError as second:
            return rejected(text, from_msgspec(second), bounds)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as second:
            return rejected(text, unreadable(second), bounds)

    def _event(self, item: Item, extensions: Mapping[str, str | int | bool], bounds: Bounds) -> Event:
        """The hot path: what usually holds is tested in place, and only the rest is looked at by name."""
        if item.specversion != "1.0":
            raise Bad("/specversion", 'This door speaks CloudEvents 1.0: set `specversion` to "1.0".')
        id_, source, type_, subject = item.id, item.source, item.type, item.subject
        if not id_ or len(id_) > SHORT or not id_.isprintable():
            attributes.text("id", id_)
        if source not in self._sources:
            self._learn(self._sources, "source", source)
        if bounds.spoken is not None and source not in bounds.spoken:
            bounds.speak(source)
        if type_ not in self._types:
            self._learn(self._types, "type", type_)
        if subject is not None and (not subject or len(subject) > SHORT or not subject.isprintable()):
            attributes.text("subject", subject)
        world = LIVE if item.exercise is None else item.exercise
        now_us = bounds.known[world] if world in bounds.known else bounds.now_us(world)
        if item.datacontenttype is not None or item.dataschema is not None or item.data_base64 is not None:
            extensions = _content(item, extensions)
        if item.time is None:
            time_us, extensions = _assumed(now_us, extensions)
        else:
            since = item.time - _EPOCH
            time_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            if not EARLIEST_US <= time_us <= LATEST_US or (now_us is not None and time_us > now_us + _TOLERANCE_US):
                raise _late(time_us)
        data = bytes(item.data)
        if type_ in self._payloads:
            data, extensions = self._payload(type_, item, data, extensions)
        elif item.data_base64 is not None:
            data = msgspec.json.encode(item.data_base64)
        lon, lat = item.lon, item.lat
        return Event(
            id=id_,
            source=source,
            type=type_,
            time_us=time_us,
            subject=subject,
            lon=None if lon is None and lat is None else self._longitudes(lon),
            lat=None if lon is None and lat is None else self._latitudes(lat),
            data=data,
            world=world,
            extensions=extensions,
        )

    @staticmethod
    def _learn(known: set[str], name: str, value: str) -> None:
        """Check an attribute that few values recur in, and remember that it is good."""
        (attributes.uri_reference if name == "source" else attributes.text)(name, value)
        if len(known) >= _KNOWN_TEXTS:
            known.clear()
        known.add(value)

    def _payload(
        self, type_: str, item: Item, data: bytes, extensions: Mapping[str, str | int | bool]
    ) -> tuple[bytes, Mapping[str, str | int | bool]]:
        """The data of a declared type, checked strictly and kept as sent (Base64 of JSON is opened)."""
        decode = self._payloads[type_]
        under = "/data"
        try:
            if item.data_base64 is not None:
                under = "/data_base64"
                data = base64.b64decode(item.data_base64)
                data.decode()
                no_nul(data, under)
                extensions = {name: value for name, value in extensions.items() if name != DATA_BASE64}
            if decode is not None:
                decode(data)
            elif data:
                msgspec.json.decode(data, type=msgspec.Raw)
        except msgspec.ValidationError as error:
            fault = from_msgspec(error, under)
            raise Bad(fault.pointer, f"{fault.reason[:-1]}, in `data` of type {type_}.") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = "has no data" if not data else f"has data that are not JSON ({error})"
            raise Bad(under, f"This event {what}; type {type_} is declared and needs them.") from error
        return data, extensions


def _assumed(
    now_us: int | None, extensions: Mapping[str, str | int | bool]
) -> tuple[int, Mapping[str, str | int | bool]]:
    """The time of an event that gives none: its receipt."""
    if now_us is None:
        raise Bad("/time", "The clock of this world is driven by its events: each must give its `time`.")
    return now_us, {**extensions, TIME_ASSUMED: True}


def _late(time_us: int) -> Bad:
    if not EARLIEST_US <= time_us <= LATEST_US:
        return Bad("/time", "`time` is outside the years 1 to 9999.")
    minutes = int(FUTURE_TOLERANCE.total_seconds() // 60)
    return Bad("/time", f"`time` is more than {minutes} minutes ahead of the world's clock: check the sender's clock.")


def _content(item: Item, extensions: Mapping[str, str | int | bool]) -> Mapping[str, str | int | bool]:
    """The attributes that describe `data`, kept beside the extensions. JSON is the default and is not written down."""
    described = dict(extensions)
    if item.datacontenttype is not None:
        attributes.text("datacontenttype", item.datacontenttype)
        if item.datacontenttype.partition(";")[0].strip().lower() != _JSON:
            described["datacontenttype"] = item.datacontenttype
    if item.dataschema is not None:
        attributes.uri_reference("dataschema", item.dataschema)
        described["dataschema"] = item.dataschema
    if item.data_base64 is not None:
        if item.data:
            raise Bad("/data_base64", "Give `data` or `data_base64`, not both.")
        try:
            base64.b64decode(item.data_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Bad("/data_base64", f"`data_base64` is no Base64 ({error}).") from error
        described[DATA_BASE64] = True
    return described


def rejected(text: bytes, fault: Fault, bounds: Bounds) -> Rejected:
    """What goes to quarantine, under the world and identity it names as far as these can be read."""
    named: dict[str, Any] = {}
    try:
        for name, raw in _members(text).items():
            if name in ("id", "source", "exercise"):
                value = msgspec.json.decode(raw)
                named[name] = value[:200] if isinstance(value, str) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        named = {}
    world = named.get("exercise") or LIVE
    try:
        bounds.now_us(world)
    except Bad:
        world = bounds.own
    return Rejected(text, fault, world, named.get("id"), named.get("source"))
