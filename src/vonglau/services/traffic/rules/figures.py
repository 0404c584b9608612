"""Figures over measurements: expressions on the table `events`, in integers; no I/O, no clock."""

from typing import Any

from vonglau.core.indicators.definitions import Scope
from vonglau.core.indicators.over_events import hours_of
from vonglau.services.traffic.payloads import EVENT_TYPE

COLUMNS = frozenset({"type", "source", "subject", "quantity", "value", "local_day", "local_hour"})
SPEED_SCALE = 1_000
"""Speeds are summed in thousandths of their unit: integers, so that no order of summation changes a digit."""


def _measured(events: Any) -> Any:
    return events.filter(events.type == EVENT_TYPE)


def coverage(events: Any, scope: Scope) -> Any:
    """Pairs (sensor, hour) with a measurement, out of every hour that has begun for every sensor that was heard in the period."""
    hours = len(list(hours_of(scope)))
    by_sensor = _by_sensor(_measured(events))
    return by_sensor.aggregate(
        numerator=by_sensor.hours.sum().cast("int64"), denominator=(by_sensor.count() * hours).cast("int64")
    )


def _by_sensor(measured: Any) -> Any:
    """A row for each sensor: the hours in which it was heard, and how often."""
    hourly = measured.group_by("source", "subject", "local_day", "local_hour").aggregate(n=measured.count())
    return hourly.group_by("source", "subject").aggregate(hours=hourly.count(), n=hourly.n.sum())


def covered(events: Any, scope: Scope, part: str) -> Any:
    """Sensors with the hours in which they were heard, the quietest first; the same ones stand under both parts."""
    found = _by_sensor(_measured(events))
    keyed = found.mutate(
        key=found.source + " " + found.subject.fill_null(""),
        of=len(list(hours_of(scope))),
        hours=found.hours.cast("int64"),
    )
    return keyed.order_by("hours", "key")


def mean_speed(events: Any, scope: Scope) -> Any:
    """The sum of all measured speeds in thousandths, and how many they are."""
    speeds = _speeds(events)
    return speeds.aggregate(numerator=speeds.scaled.sum().cast("int64"), denominator=speeds.count().cast("int64"))


def _speeds(events: Any) -> Any:
    found = _measured(events)
    found = found.filter(found.quantity == "speed", found.value.notnull())
    return found.mutate(scaled=(found.value * SPEED_SCALE).round().cast("int64"))


def speeds(events: Any, scope: Scope, part: str) -> Any:
    """Sensors with the sum and the number of their speeds, the slowest first."""
    measured = _speeds(events)
    found = measured.group_by("source", "subject").aggregate(
        total=measured.scaled.sum().cast("int64"), n=measured.count()
    )
    keyed = found.mutate(key=found.source + " " + found.subject.fill_null(""))
    return keyed.order_by((keyed.total / keyed.n), "key")
