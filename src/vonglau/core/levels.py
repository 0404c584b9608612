"""Levels of an incident: how long receiving and handling may take, and which rule says so. Facts stand in `data/levels/`."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal

import msgspec

from vonglau.core.calendars import Calendar
from vonglau.core.errors import BadFile
from vonglau.core.facts import Text, data_path, read_yaml, unique


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time limit and where it comes from."""

    hours: float
    calendar: Literal["working", "always"]
    valid_from: date
    basis: Literal["regulation", "installation default"]
    source: str
    locality: str | None = None
    """Province code in which the regulation binds; elsewhere it is a model that the installation follows by default."""

    @property
    def duration(self) -> timedelta:
        return timedelta(hours=self.hours)

    def runs_on(self, working: Calendar) -> Calendar:
        """The calendar this limit is counted on: the locality's working calendar, or every hour."""
        return working if self.calendar == "working" else Calendar.always()

    def due(self, start: datetime, working: Calendar) -> datetime:
        """When the limit is used up, UTC."""
        return self.runs_on(working).add_working(start, self.duration)


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A level with its two clocks. Each clock's limits are in order of `valid_from`."""

    code: str
    name: Text
    description: Text
    receive: tuple[Limit, ...]
    handle: tuple[Limit, ...]

    def receive_limit(self, on: date) -> Limit:
        """From receipt to the end of verification, as in force on that day."""
        return _in_force(self.receive, on)

    def handle_limit(self, on: date) -> Limit:
        """From verification to the result, as in force on that day."""
        return _in_force(self.handle, on)


class _LevelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    levels: tuple[Level, ...]


def _in_force(limits: Sequence[Limit], on: date) -> Limit:
    """The latest limit that has begun; before the first one began, the first: recordings of older days still need a clock."""
    return next((limit for limit in reversed(limits) if limit.valid_from <= on), limits[0])


@cache
def levels(name: str = "vn") -> dict[str, Level]:
    """Levels by code, the most urgent first, as the file orders them."""
    path = data_path("levels", f"{name}.yaml")
    found = read_yaml(path, _LevelFile).levels
    unique(path, "level", [level.code for level in found])
    for level in found:
        for clock, limits in (("receive", level.receive), ("handle", level.handle)):
            if not limits:
                raise BadFile(f"{path}: level {level.code} has no {clock} limit; a clock without a limit never runs out")
            if [limit.valid_from for limit in limits] != sorted({limit.valid_from for limit in limits}):
                raise BadFile(f"{path}: level {level.code}, {clock}: put the limits in order of valid_from, each day once")
            if any(limit.hours <= 0 for limit in limits):
                raise BadFile(f"{path}: level {level.code}, {clock}: hours must be more than 0")
    return {level.code: level for level in found}
