"""From a batch of the log to columns a fold can use."""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from vonglau.core.events import TICK_TYPE
from vonglau.core.log import Batch
from vonglau.services.traffic.payloads import EVENT_TYPE, QUANTITIES, Measured
from vonglau.services.traffic.rules.baseline import Floats
from vonglau.services.traffic.rules.order import Ints, LocalTime, TickLine
from vonglau.services.traffic.rules.table import Table

CODES = {name: code for code, name in enumerate(QUANTITIES)}
TEXT = ("source", "subject", "name", "unit")

_ALL = msgspec.json.Decoder(list[Measured])
_ONE = msgspec.json.Decoder(Measured)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch's measurements as columns; `place` is the row in the batch, `row` the row in the table."""

    place: Ints
    time: Ints
    pos: Ints
    row: Ints
    value: Floats
    quantity: Ints
    local: Ints
    lon: Floats
    lat: Floats
    payload: list[Measured]


def ticks_of(batch: Batch, clock: int) -> TickLine:
    rows = np.array([i for i, type_ in enumerate(batch.type) if type_ == TICK_TYPE], dtype=np.int64)
    return TickLine(rows, batch.time[rows], clock)


def places_of(batch: Batch) -> Ints:
    """Where in the batch the measurements stand."""
    return np.array([i for i, type_ in enumerate(batch.type) if type_ == EVENT_TYPE], dtype=np.int64)


def read(table: Table, batch: Batch, local: LocalTime) -> Inputs:
    """The measurements; unreadable payloads are counted and left out, new keys get their rows."""
    place = places_of(batch)
    payload, good = decode([batch.data[i] for i in place.tolist()])
    if good is not None:
        table.totals["unreadable"] += len(place) - len(good)
        place = place[good]
    known, picked = len(table), place.tolist()
    keys = [key(said.quantity, batch.source[i], batch.subject[i]) for i, said in zip(picked, payload, strict=True)]
    row = table.rows(keys)
    if len(table) > known:
        for i, said, at in zip(picked, payload, row.tolist(), strict=True):
            if at >= known:
                table["quantity"][at] = CODES[said.quantity]
                table.text["source"][at] = batch.source[i]
                table.text["subject"][at] = batch.subject[i] or batch.source[i]
    time = batch.time[place]
    return Inputs(
        place=place,
        time=time,
        pos=batch.pos[place],
        row=row,
        value=np.array([said.value for said in payload], dtype=np.float64),
        quantity=table["quantity"][row].astype(np.int64),
        local=local.local_us(time),
        lon=batch.lon[place],
        lat=batch.lat[place],
        payload=payload,
    )


def key(what: str, source: str, subject: str | None) -> str:
    """Unambiguous whatever the names contain."""
    return f"{what} {len(source)} {source} {subject or ''}"


def decode(data: list[bytes]) -> tuple[list[Measured], NDArray[np.int64] | None]:
    """All payloads at once; when one cannot be read, one by one, with the places of those that can.

    The door has checked them already; a batch from elsewhere may hold anything, and one bad payload must not stop a
    city.
    """
    try:
        read = _ALL.decode(b"[" + b",".join(data) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = []
    if len(read) == len(data):
        return read, None
    readable: list[Measured] = []
    good: list[int] = []
    for place, one in enumerate(data):
        try:
            readable.append(_ONE.decode(one))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        good.append(place)
    return readable, np.array(good, dtype=np.int64)
