"""Border frames: the same code on another day can be another place, and "x of N" needs N's day.

A figure is asked for in a frame: `reported` (as it was at the time), `current` (on today's map), or a date. Pure: read
from `data/vn/localities.csv` and `provinces_63_to_34.csv`.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import Literal, NamedTuple

from vonglau.core.errors import BadFile, BadInput, NotFound
from vonglau.core.facts import data_path, read_csv

Frame = Literal["reported", "current"] | date

LOCALITIES = ("vn", "localities.csv")
LINEAGE = ("vn", "provinces_63_to_34.csv")
MERGER = date(2025, 7, 1)
"""The day `provinces_63_to_34.csv` takes effect: 63 units became 34."""


class Unit(NamedTuple):
    """A locality as it existed; both dates inclusive, `valid_to` None while in force."""

    code: str
    valid_from: date
    valid_to: date | None
    name_vi: str
    name_en: str
    short_name_vi: str
    type: str
    source: str

    @property
    def key(self) -> tuple[str, date]:
        return self.code, self.valid_from

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


class Frames:
    """Every locality of the register, and what became of it."""

    def __init__(self, units: Iterable[Unit], merged_into: dict[str, str]) -> None:
        """`merged_into` says for each code before the merger which code it is part of since."""
        self.units = tuple(sorted(units))
        self._by_code: dict[str, list[Unit]] = {}
        for unit in self.units:
            self._by_code.setdefault(unit.code, []).append(unit)
        self._merged_into = merged_into
        self.beginning = min(unit.valid_from for unit in self.units)

    def in_force(self, on: date) -> tuple[Unit, ...]:
        """The localities of a day, by code: the N of "x of N"."""
        return tuple(unit for unit in self.units if unit.holds(on))

    def at(self, code: str, on: date) -> Unit:
        """The unit that had this code on that day. NotFound says when the code was in use."""
        for unit in self._by_code.get(code, ()):
            if unit.holds(on):
                return unit
        if code not in self._by_code:
            raise NotFound(f"No locality has the code {code!r}; use a two-digit province code such as 48.")
        spans = "; ".join(f"{u.name_vi} {u.valid_from} to {u.valid_to or 'now'}" for u in self._by_code[code])
        raise NotFound(f"No locality had the code {code} on {on}: {spans}.")

    def successors(self, unit: Unit) -> tuple[Unit, ...]:
        """What it became the day after its last; nothing while in force. The register knows mergers, no splits."""
        if unit.valid_to is None:
            return ()
        next_day = unit.valid_to + timedelta(days=1)
        return (self.at(self._merged_into[unit.code] if next_day == MERGER else unit.code, next_day),)

    def predecessors(self, unit: Unit) -> tuple[Unit, ...]:
        """What it was made of on the day before its first."""
        return tuple(other for other in self.units if unit in self.successors(other))

    def current(self, code: str, on: date) -> Unit:
        """The present unit that the unit with this code on that day is part of."""
        return self._forward(self.at(code, on), None)

    def in_frame(self, code: str, on: date, frame: Frame) -> Unit:
        """The unit to count a fact of (code, on) under. BadInput when several units stood in its place then."""
        unit = self.at(code, on)
        if frame == "reported":
            return unit
        if frame == "current":
            return self._forward(unit, None)
        if not isinstance(frame, date):
            raise BadInput(f"No border frame is called {frame!r}; use reported, current, or a date.")
        if frame >= unit.valid_from:
            return self._forward(unit, frame)
        earlier = self._backward(unit, frame)
        if len(earlier) == 1:
            return earlier[0]
        if not earlier:
            raise NotFound(f"The register begins on {self.beginning}; ask for a later day than {frame}.")
        names = ", ".join(f"{u.code} {u.short_name_vi}" for u in earlier)
        raise BadInput(
            f"On {frame}, {unit.name_vi} was several localities ({names}); its figures cannot be split among them."
        )

    def _forward(self, unit: Unit, until: date | None) -> Unit:
        while unit.valid_to is not None and (until is None or unit.valid_to < until):
            (unit,) = self.successors(unit)
        return unit

    def _backward(self, unit: Unit, day: date) -> tuple[Unit, ...]:
        if unit.holds(day):
            return (unit,)
        return tuple(found for older in self.predecessors(unit) for found in self._backward(older, day))


def _read_units() -> Iterator[Unit]:
    path = data_path(*LOCALITIES)
    for line, row in read_csv(path, *Unit._fields):
        try:
            valid_to = date.fromisoformat(row["valid_to"]) if row["valid_to"] else None
            yield Unit(**{**row, "valid_from": date.fromisoformat(row["valid_from"]), "valid_to": valid_to})  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise BadFile(
                f"{path}, line {line}: {error}; columns are {', '.join(Unit._fields)}, dates YYYY-MM-DD"
            ) from error


@cache
def frames() -> Frames:
    """The register of the shipped facts. BadFile when its lineage names a unit that it does not have."""
    path = data_path(*LINEAGE)
    merged = {row["old_code"]: row["new_code"] for _, row in read_csv(path, "old_code", "new_code")}
    register = Frames(_read_units(), merged)
    for unit in register.units:
        if unit.valid_to == MERGER - timedelta(days=1) and unit.code not in merged:
            raise BadFile(f"{path}: it does not say what {unit.code} {unit.name_vi} became on {MERGER}; add the row")
        register.successors(unit)
    return register
