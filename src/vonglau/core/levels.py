"""Levels of an incident: how long receiving and handling may take, and which rule says so.

The facts stand in `data/levels/`.
"""

from datetime import date, timedelta
from functools import cache
from typing import Literal

import msgspec

from vonglau.core.calendars import calendar
from vonglau.core.errors import BadFile
from vonglau.core.facts import Text, data_path, read_yaml, unique

CLOCKS = ("receive", "handle", "objection")
TOLD = ("operator", "supervisor", "leader", "agency", "office")
"""Whom an escalation may tell: the people of a role; those of the agency in whose hands it is; that agency's own mailbox, its head's."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time limit in hours of its level's calendar, and where it comes from."""

    hours: float
    valid_from: date
    basis: Literal["regulation", "installation default"]
    source: str
    locality: str | None = None
    """Province code in which the regulation binds; elsewhere it is a model that the installation follows by default."""

    @property
    def duration(self) -> timedelta:
        return timedelta(hours=self.hours)


class Escalation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell when so much of a clock has run: `TOLD`, for each of the two clocks; nobody where it is empty."""

    at: int
    """Per cent of the limit, 1–100: at 100 the deadline is there."""
    receive: tuple[str, ...] = ()
    handle: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.at <= 100:
            raise ValueError(
                "at is a per cent of the limit, 1 to 100: afterwards there is nothing left to escalate for"
            )
        if unknown := sorted({*self.receive, *self.handle} - set(TOLD)):
            raise ValueError(f"tell {', '.join(TOLD)}, not {unknown[0]}")

    def whom(self, clock: str) -> tuple[str, ...]:
        return self.receive if clock == "receive" else self.handle


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A level with its two clocks and the time to object. Each list of limits is in order of `valid_from`."""

    code: str
    name: Text
    description: Text
    calendar: str
    """For `calendars.calendar`: the name of a working calendar, or `always`."""
    receive_limits: tuple[Limit, ...] = msgspec.field(name="receive")
    """From receipt to the end of verification."""
    handle_limits: tuple[Limit, ...] = msgspec.field(name="handle")
    """From verification to the result."""
    objection_limits: tuple[Limit, ...] = msgspec.field(name="objection")
    """From the result to the last moment to object to it."""
    escalation: tuple[Escalation, ...] = ()
    """Before a deadline passes, in order of `at`; empty: nobody is told."""

    def limit(self, clock: Literal["receive", "handle", "objection"], on: date | None = None) -> Limit:
        """The limit in force on a day; without one, the latest listed.

        Before the first began it is the first: recordings of older days still need a clock.
        """
        limits: tuple[Limit, ...] = getattr(self, f"{clock}_limits")
        if on is None:
            return limits[-1]
        return next((limit for limit in reversed(limits) if limit.valid_from <= on), limits[0])

    @property
    def receive(self) -> timedelta:
        return self.limit("receive").duration

    @property
    def handle(self) -> timedelta:
        return self.limit("handle").duration

    @property
    def objection(self) -> timedelta:
        return self.limit("objection").duration


class _LevelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    levels: tuple[Level, ...]


@cache
def levels(name: str = "vn") -> dict[str, Level]:
    """Levels by code, the most urgent first, as the file orders them."""
    path = data_path("levels", f"{name}.yaml")
    found = read_yaml(path, _LevelFile).levels
    unique(path, "level", [level.code for level in found])
    for level in found:
        calendar(level.calendar)
        for clock in CLOCKS:
            limits: tuple[Limit, ...] = getattr(level, f"{clock}_limits")
            if not limits:
                raise BadFile(
                    f"{path}: level {level.code} has no {clock} limit; a clock without a limit never runs out"
                )
            if [limit.valid_from for limit in limits] != sorted({limit.valid_from for limit in limits}):
                raise BadFile(
                    f"{path}: level {level.code}, {clock}: put the limits in order of valid_from, each day once"
                )
            if any(limit.hours <= 0 for limit in limits):
                raise BadFile(f"{path}: level {level.code}, {clock}: hours must be more than 0")
        if [step.at for step in level.escalation] != sorted({step.at for step in level.escalation}):
            raise BadFile(f"{path}: level {level.code}: put the escalation in order of `at`, each per cent once")
    return {level.code: level for level in found}
