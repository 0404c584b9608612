"""Events as rows and back, as CloudEvents JSON, and as digests."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from vonglau.core.errors import BadInput
from vonglau.core.events import TIME_ASSUMED, Event, Recorded, from_us, members
from vonglau.core.log import Batch

COLUMNS = "pos, recorded_us, time_us, world, source, id, type, subject, lon, lat, data, extensions"
"""The columns of an event, of every engine's table `event`, in the order that `recorded` takes them."""

Row: TypeAlias = tuple[Any, ...]
"""A row in the order of `COLUMNS`."""

_extensions = msgspec.json.Decoder(dict[str, str | int | bool])


def recorded(row: Sequence[Any]) -> Recorded:
    """A row in the order of `COLUMNS`."""
    pos, recorded_us, time_us, world, source, id_, type_, subject, lon, lat, data, extensions = row
    event = Event(
        id=id_,
        source=source,
        type=type_,
        time_us=time_us,
        subject=subject,
        lon=lon,
        lat=lat,
        data=data,
        world=world,
        extensions=_extensions.decode(extensions) if extensions else {},
    )
    return Recorded(pos, recorded_us, event)


def extensions_text(extensions: Mapping[str, str | int | bool]) -> str | None:
    if not extensions:
        return None
    return msgspec.json.encode(extensions, order="sorted").decode()


def storable(event: Event) -> None:
    """Raise `BadInput` for what no door lets through: the files hold UTF-8 and 64-bit times only."""
    try:
        extensions = extensions_text(event.extensions) or ""
        "\n".join([event.world, event.source, event.id, event.type, event.subject or "", extensions]).encode()
        event.data.decode()
        from_us(event.time_us)
    except (UnicodeError, OverflowError) as error:
        raise BadInput(f"Event {event.id!a} of {event.source!a} cannot be stored: {error}.") from error


def same_identity(left: Event, right: Event) -> bool:
    return left.id == right.id and left.source == right.source and left.world == right.world


def difference(old: Event, new: Event) -> tuple[str, str] | None:
    """Pointer and words for what differs between two events of one identity; None when they are the same event."""
    if old.time_us != new.time_us and not _both_assumed(old.extensions, new.extensions):
        return "/time", "time"
    for name in ("type", "subject", "lon", "lat", "data"):
        if getattr(old, name) != getattr(new, name):
            return f"/{name}", name
    if dict(old.extensions) != dict(new.extensions):
        names = {*old.extensions, *new.extensions}
        first = min(name for name in names if old.extensions.get(name) != new.extensions.get(name))
        return f"/{first}", first
    return None


def _both_assumed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return TIME_ASSUMED in old and TIME_ASSUMED in new


def digests(row: Row) -> tuple[bytes, bytes]:
    """`who`: the identity, 8 bytes beside the 64-bit hash, tells a collision from the same event without its row.
    `what`: everything but identity and time, for comparing with an event whose row has been sealed."""
    world, source, id_, type_, subject, lon, lat, data, extensions = row[3:12]
    pack, blake = msgspec.msgpack.encode, hashlib.blake2b
    who = blake(pack((world, source, id_)), digest_size=8).digest()
    what = blake(pack((type_, subject, lon, lat, data, extensions)), digest_size=16).digest()
    return who, what


def digests_of(event: Event) -> tuple[bytes, bytes]:
    """The same of an event that is no row yet."""
    place = (event.world, event.source, event.id, event.type, event.subject, event.lon, event.lat, event.data)
    return digests((0, 0, event.time_us, *place, extensions_text(event.extensions)))


def structured(event: Event) -> bytes:
    """The event as CloudEvents JSON."""
    return msgspec.json.encode(members(event))


def empty(through: int) -> Batch:
    return batch([], through)


def batch(rows: Iterable[Row], through: int | None = None) -> Batch:
    """Rows of (pos, time_us, world, source, id, type, subject, lon, lat, data) as columns."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 10
    pos = np.array(columns[0], dtype=np.int64)
    return Batch(
        pos=pos,
        time=np.array(columns[1], dtype=np.int64),
        world=list(columns[2]),
        source=list(columns[3]),
        id=list(columns[4]),
        type=list(columns[5]),
        subject=list(columns[6]),
        lon=np.array(columns[7], dtype=np.float64),
        lat=np.array(columns[8], dtype=np.float64),
        data=list(columns[9]),
        through=int(pos[-1]) if through is None else through,
    )


def join(parts: Sequence[Batch]) -> Batch:
    """Batches that follow each other as one."""
    if len(parts) == 1:
        return parts[0]
    return Batch(
        pos=np.concatenate([p.pos for p in parts]),
        time=np.concatenate([p.time for p in parts]),
        world=[x for p in parts for x in p.world],
        source=[x for p in parts for x in p.source],
        id=[x for p in parts for x in p.id],
        type=[x for p in parts for x in p.type],
        subject=[x for p in parts for x in p.subject],
        lon=np.concatenate([p.lon for p in parts]),
        lat=np.concatenate([p.lat for p in parts]),
        data=[x for p in parts for x in p.data],
        through=parts[-1].through,
    )
