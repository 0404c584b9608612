"""Rows of a foreign table as CloudEvents, by a mapping. Pure: a row becomes an event, is passed over, or is bad for a reason."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from vonglau.core.tables import files, times
from vonglau.core.tables.mapping import Cell, EventMapping

EMPTY = ("", "null", "none", "na", "n/a", "nan")
ID_CHARS = 255
YES, NO = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no event."""

    line: int
    column: str
    reason: str


class _Bad(ValueError):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


@dataclass(slots=True)
class Told:
    """What became of the rows."""

    rows: int = 0
    passed_over: int = 0
    rejected: int = 0
    position: int = 0
    """How far the file has been read: bytes, or rows of Parquet."""
    at: dict[int, int] = field(default_factory=dict)


class Rows:
    """Reads one file. Iterate `events`: (line, CloudEvent as plain data) or a Reject."""

    def __init__(self, mapping: EventMapping, path: Path, world: str | None) -> None:
        self.mapping, self.path, self.told = mapping, path, Told()
        self.stem = path.name.partition(".")[0]
        self._columns = mapping.columns()
        self._at = {name: number for number, name in enumerate(self._columns)}
        self._zone = times.zone(mapping.zone)
        self._world = world if world != "live" else None

    def events(self) -> Iterator[tuple[int, dict[str, Any]] | Reject]:
        mapping, told = self.mapping, self.told

        def read(position: int) -> None:
            told.position = position

        found = files.lines(self.path, self._columns, encoding=mapping.encoding, delimiter=mapping.delimiter, told=read)
        for line, cells in found:
            told.rows += 1
            if not self._wanted(cells):
                told.passed_over += 1
                continue
            try:
                yield line, self._event(line, cells)
            except _Bad as bad:
                told.rejected += 1
                yield Reject(line, bad.column, bad.reason)

    def _text(self, cells: Sequence[object], column: str) -> str:
        cell = cells[self._at[column]]
        text = "" if cell is None else str(cell).strip()
        if "\0" in text:
            raise _Bad(column, "it holds a NUL character")
        if len(text) > files.CELL_CHARS:
            raise _Bad(column, f"it holds more than {files.CELL_CHARS} characters")
        return "" if text.lower() in EMPTY else text

    def _wanted(self, cells: Sequence[object]) -> bool:
        for rule in self.mapping.where:
            text = str(cells[self._at[rule.column]] or "").strip()
            if rule.is_in is not None and text not in rule.is_in:
                return False
            if rule.not_in is not None and text in rule.not_in:
                return False
            if rule.filled and text.lower() in EMPTY:
                return False
        return True

    def _event(self, line: int, cells: Sequence[object]) -> dict[str, Any]:
        means = self.mapping.event
        made: dict[str, Any] = {
            "specversion": "1.0",
            "id": self._id(line, cells),
            "source": means.source.replace("{file}", self.stem),
            "type": means.type,
            "time": self._time(cells),
        }
        if means.subject is not None and (subject := self._value("subject", means.subject, cells)) is not None:
            made["subject"] = str(subject)
        if means.lon is not None and means.lat is not None:
            point = [self._degrees(cell, cells, most) for cell, most in ((means.lon, 180.0), (means.lat, 90.0))]
            if None not in point:
                made["lon"], made["lat"] = point
        if self._world is not None:
            made["exercise"] = self._world
        data = {name: self._value(name, cell, cells) for name, cell in means.data.items()}
        made["data"] = {name: value for name, value in data.items() if value is not None}
        return made

    def _id(self, line: int, cells: Sequence[object]) -> str:
        said = self.mapping.event.id
        if said.row == "number":
            return f"{self.stem}-{line}"
        if said.row == "content":
            mapped = msgspec.msgpack.encode([None if cell is None else str(cell) for cell in cells])
            return hashlib.blake2b(mapped, digest_size=16).hexdigest()
        parts = [self._text(cells, column) for column in said.columns or ()]
        if not all(parts):
            raise _Bad((said.columns or [""])[parts.index("")], "it is part of the id and empty")
        found = "/".join(parts)
        if len(found) > ID_CHARS:
            raise _Bad((said.columns or [""])[0], f"the id has more than {ID_CHARS} characters")
        return found

    def _time(self, cells: Sequence[object]) -> str:
        when = self.mapping.event.time
        cell = cells[self._at[when.column]]
        if not isinstance(cell, datetime) and not self._text(cells, when.column):
            raise _Bad(when.column, "it does not say when")
        try:
            found = times.moment(cell, written=when.format, local=self._zone, twice=when.twice, never=when.never)
        except times.NoMoment as problem:
            raise _Bad(when.column, str(problem)) from problem
        return found.isoformat().replace("+00:00", "Z")

    def _degrees(self, cell: Cell, cells: Sequence[object], most: float) -> float | None:
        name = cell.column or ""
        value = self._value(name, msgspec.structs.replace(cell, type="number", optional=True), cells)
        if value is None:
            return None
        if not isinstance(value, int | float) or not abs(value) <= most:
            raise _Bad(name, f"{str(value)[:40]!a} is off the Earth")
        return float(value)

    def _value(self, name: str, cell: Cell, cells: Sequence[object]) -> str | int | float | bool | None:
        """None when an optional cell is empty."""
        if cell.column is None:
            return cell.value.replace("{file}", self.stem) if isinstance(cell.value, str) else cell.value
        text = self._text(cells, cell.column)
        if not text:
            if cell.optional:
                return None
            raise _Bad(cell.column, f"it is empty, and {name} needs it")
        if cell.values is not None:
            if text not in cell.values:
                raise _Bad(cell.column, f"the mapping has no value for {text[:60]!a}")
            return cell.values[text]
        return _typed(cell, text)


def _typed(cell: Cell, text: str) -> str | int | float | bool:
    column = cell.column or ""
    if cell.type == "text":
        return text
    if cell.type == "boolean":
        if text.lower() not in YES + NO:
            raise _Bad(column, f"{text[:40]!a} is neither yes nor no")
        return text.lower() in YES
    plain = text.replace(".", "").replace(",", ".") if cell.decimal == "," else text
    try:
        number = float(plain)
    except ValueError as problem:
        raise _Bad(column, f"{text[:40]!a} is not a number") from problem
    if not math.isfinite(number):
        raise _Bad(column, f"{text[:40]!a} is not a finite number")
    number *= cell.scale if cell.scale is not None else 1.0
    if cell.type == "integer":
        if number != int(number):
            raise _Bad(column, f"{text[:40]!a} is not a whole number")
        return int(number)
    return number
