"""Moments as foreign files write them. Local times that there are twice, or never, are refused or decided by the mapping: never guessed."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

Twice = Literal["refuse", "earlier", "later"]
Never = Literal["refuse", "shift"]

UNITS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
YEARS = (1970, 2100)


class NoMoment(ValueError):
    """A cell that is no moment; the message says why."""


def zone(text: str) -> tzinfo:
    """An IANA name, UTC, or a fixed offset such as "-05:00". Raises ValueError or ZoneInfoNotFoundError."""
    if text[:1] in ("+", "-"):
        offset = datetime.strptime(text, "%z").utcoffset()
        return timezone(offset or timedelta())
    return UTC if text == "UTC" else ZoneInfo(text)


def moment(
    cell: object, *, written: str = "iso", local: tzinfo = UTC, twice: Twice = "refuse", never: Never = "refuse"
) -> datetime:
    """A cell as a moment in UTC. `written`: iso, epoch_s, epoch_ms, epoch_us, or strptime's format. Raises NoMoment."""
    if isinstance(cell, datetime):
        found = cell
    elif written in UNITS:
        found = _counted(cell, UNITS[written])
    else:
        text = str(cell).strip()
        try:
            found = datetime.fromisoformat(text) if written == "iso" else datetime.strptime(text, written)  # noqa: DTZ007
        except ValueError as problem:
            raise NoMoment(f"{text[:40]!a} is not a time as the mapping writes it") from problem
    if found.tzinfo is None:
        found = _settled(found, local, twice, never)
    try:
        found = found.astimezone(UTC)
    except OverflowError:
        found = datetime(1, 1, 1, tzinfo=UTC)
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise NoMoment(f"the year {found.year} cannot be right")
    return found


def _counted(cell: object, unit: int) -> datetime:
    """Since 1970, in whole units or with decimals."""
    try:
        if isinstance(cell, int):
            us = cell * unit
        else:
            whole, _, decimals = str(cell).strip().partition(".")
            digits = len(str(unit)) - 1
            us = int(whole) * unit + (int(f"{decimals[:digits]:0<{digits}}") if decimals and digits else 0)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    except (ValueError, OverflowError) as problem:
        raise NoMoment(f"{str(cell)[:40]!a} is no number of seconds since 1970 as the mapping writes it") from problem


def _settled(naive: datetime, local: tzinfo, twice: Twice, never: Never) -> datetime:
    """A local time as one moment (PEP 495: the two folds differ where clocks change)."""
    first, second = naive.replace(tzinfo=local, fold=0), naive.replace(tzinfo=local, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before == after or before is None or after is None:
        return first
    if before > after:
        if twice == "refuse":
            raise NoMoment(
                f"{naive.isoformat()} is there twice: clocks went back. Say `twice: earlier` or `later` in the mapping"
            )
        return first if twice == "earlier" else second
    if never == "refuse":
        raise NoMoment(
            f"{naive.isoformat()} is not there: clocks went forward over it. Say `never: shift` in the mapping"
        )
    return first
