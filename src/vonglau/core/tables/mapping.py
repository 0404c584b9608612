"""What the columns of a foreign table mean as events: a YAML file, checked before the first row is read.

Its JSON Schema is data/mappings/events.schema.json; examples stand beside it.
"""

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from vonglau.core.errors import BadFile
from vonglau.core.facts import Text, read_yaml
from vonglau.core.tables.files import ENCODINGS
from vonglau.core.tables.times import Never, Twice, zone


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value: a column, or a constant. Exactly one of the two."""

    column: str | None = None
    value: str | int | float | bool | None = None
    type: Literal["text", "number", "integer", "boolean"] = "text"
    """What the column's words become. A number is written with a decimal point unless `decimal` says otherwise."""
    scale: float | None = None
    """The number is multiplied by it: 1.609344 for miles."""
    decimal: Literal[".", ","] = "."
    values: dict[str, str | int | float | bool] | None = None
    """The column's word → what it becomes; a word that is not listed makes the row bad."""
    optional: bool = False
    """An empty cell is left out of the event; otherwise it makes the row bad."""


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event's time."""

    column: str
    format: str = "iso"
    """iso, epoch_s, epoch_ms, epoch_us, or strptime's."""
    twice: Twice = "refuse"
    """Local times that there are twice when clocks go back: refuse | earlier | later."""
    never: Never = "refuse"
    """Local times over which clocks go forward: refuse | shift."""


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event's id: of columns, or of the row. Stable, so that the same file sent again adds nothing."""

    columns: list[str] | None = None
    row: Literal["number", "content"] | None = None
    """number: the file's name and the line; content: a digest of the mapped cells (equal rows are then one event)."""


class Means(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The attributes of CloudEvents. In `source` and constant texts {file} stands for the file's name without its endings."""

    type: str
    source: str
    id: Identity
    time: When
    subject: Cell | None = None
    lon: Cell | None = None
    lat: Cell | None = None
    data: dict[str, Cell] = {}


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row is taken when its cell is one of `is_in`, none of `not_in`, not empty when `filled`; others are passed over."""

    column: str
    is_in: list[str] | None = None
    not_in: list[str] | None = None
    filled: bool = False


class EventMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    title: Text
    origin: str
    """Where the data come from, and their licence."""
    event: Means
    zone: str = "UTC"
    """Of times without one: an IANA name, or a fixed offset such as "-05:00"."""
    encoding: str = "utf-8"
    delimiter: str = ","
    where: list[Where] = []

    def columns(self) -> list[str]:
        """Every column it reads, each once."""
        event = self.event
        cells = [*event.data.values(), *filter(None, (event.subject, event.lon, event.lat))]
        named = [cell.column for cell in cells if cell.column is not None]
        used = [event.time.column, *(event.id.columns or ()), *named, *(one.column for one in self.where)]
        return list(dict.fromkeys(used))


def read_mapping(path: Path) -> EventMapping:
    """The mapping of a file. BadFile names what is wrong in it and what to do."""
    found = read_yaml(path, EventMapping)
    try:
        zone(found.zone)
    except (ValueError, ZoneInfoNotFoundError) as problem:
        raise BadFile(
            f'{path}, zone: {found.zone!a} is no zone; write an IANA name such as Asia/Ho_Chi_Minh or an offset "+07:00"'
        ) from problem
    event = found.event
    if (event.id.columns is None) == (event.id.row is None) or event.id.columns == []:
        raise BadFile(f"{path}, event.id: give `columns` or `row`, one of the two")
    if (event.lon is None) != (event.lat is None):
        raise BadFile(f"{path}, event: lon and lat come together or not at all")
    for name, cell in [("subject", event.subject), ("lon", event.lon), ("lat", event.lat), *event.data.items()]:
        if cell is not None and (cell.column is None) == (cell.value is None):
            raise BadFile(f"{path}, {name}: give `column` or `value`, one of the two")
    if found.encoding not in ENCODINGS:
        raise BadFile(f"{path}, encoding: one of {', '.join(ENCODINGS)}")
    if len(found.delimiter) != 1 or found.delimiter in '"\r\n\0':
        raise BadFile(f"{path}, delimiter: one character, such as ; or a tab")
    return found


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a mapping file."""
    made = msgspec.json.schema(EventMapping)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vọng Lâu: a table as events",
        **made,
    }
