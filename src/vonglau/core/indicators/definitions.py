"""What an indicator is. Contract 8 of the house: a rate has a definition, a denominator and the rows under it.

Numerator and denominator are integers (or scaled integers) and are divided once, in `Value.ratio`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from django.utils.functional import Promise

from vonglau.core.snapshot import one_moment

Text = str | Promise


class Unit(StrEnum):
    PERCENT = "percent"
    COUNT = "count"
    MINUTES = "minutes"
    KM_PER_HOUR = "km/h"


class Provenance(StrEnum):
    """Where a value comes from."""

    MEASURED = "measured"
    REPORTED = "reported"
    COMPUTED = "computed"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked: one world, a half-open period [start, end) of its clock, one locality in one border frame, maybe a ward."""

    world: str
    start: datetime
    end: datetime
    locality: str
    frame: str = "current"
    """reported | current | an ISO date."""
    ward: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a definition's query gives: both numbers, and for `scale` > 1 the numerator is in units of 1/scale."""

    numerator: int
    denominator: int | None = None
    scale: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A thing under a figure that is no incident, in words of the active language."""

    name: str
    said: str = ""
    """What counts about it, in a short sentence."""
    place: str = ""
    href: str = ""
    """Where it is shown; empty when nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A definition. `count` computes; `rows` gives the very things under numerator and denominator as a queryset: incidents,
    or rows of a service's own tables, which `row` then puts into words."""

    code: str
    title: Text
    definition: Text
    numerator: Text
    denominator: Text | None
    unit: Unit
    period: str = "day"
    """day, or now: what stands at this moment and cannot be asked of a day that has passed."""
    aggregation: str = "ratio of sums"
    """How values of parts combine: "ratio of sums" or "sum"."""
    count: Callable[[Scope], Counted]
    rows: Callable[[Scope, str], Any]
    """rows(scope, "numerator" | "denominator") → an ordered queryset, of incidents unless there is a `row`."""
    row: Callable[[Any], Row] | None = None
    """How one of `rows` is shown, where they are no incidents."""
    better: str = "higher"
    """higher | lower | neither: the direction that is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A measured value with everything under it."""

    indicator: Indicator
    scope: Scope
    counted: Counted
    provenance: Provenance
    at: datetime
    """World time it was computed for."""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> Fraction | None:
        """The one division in the house. None when there is nothing to divide by: 0 of 0 is not 0 %."""
        if self.counted.denominator is None:
            return Fraction(self.counted.numerator, self.counted.scale)
        if self.counted.denominator == 0:
            return None
        return Fraction(self.counted.numerator, self.counted.denominator * self.counted.scale)


def measure(indicator: Indicator, scope: Scope, now: datetime | None = None) -> Value:
    """Compute an indicator here and now, both of its numbers as of one moment."""
    with one_moment():
        counted = indicator.count(scope)
    return Value(
        indicator=indicator,
        scope=scope,
        counted=counted,
        provenance=Provenance.MEASURED,
        at=now or datetime.now(UTC),
    )
