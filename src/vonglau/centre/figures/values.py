"""Indicators as the centre shows them: a day of the world's own calendar, up to the world's now."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext

from vonglau.core.errors import Broken, Unavailable
from vonglau.core.failing import Failing
from vonglau.core.indicators.definitions import Indicator, Scope, Unit, Value, measure
from vonglau.core.seams import indicators
from vonglau.core.worlds import World

log = logging.getLogger("vonglau.figures")
_failing = Failing()


@dataclass(frozen=True, slots=True)
class Shown:
    """A value with its words. `text` is empty where there is nothing to divide by: 0 of 0 is not 0 %."""

    value: Value
    text: str
    unit: str
    href: str
    bad: bool

    @property
    def indicator(self) -> Indicator:
        return self.value.indicator

    @property
    def denominator(self) -> int | None:
        return self.value.counted.denominator

    @property
    def numerator(self) -> int:
        return self.value.counted.numerator

    @property
    def made_of(self) -> tuple[int | None, int | None]:
        """Numerator and denominator, where the value is a fraction of two counts."""
        counted = self.value.counted
        return (counted.numerator, counted.denominator) if counted.denominator and counted.scale == 1 else (None, None)


@dataclass(frozen=True, slots=True)
class Unknown:
    """An indicator that cannot be computed just now: a damaged file of history, too much to count. Its own page says why."""

    indicator: Indicator
    href: str
    text: str = ""
    unknown: bool = True


def local_day(moment: datetime) -> date:
    return timezone.localtime(moment).date()


def scope_of(world: World, now: datetime, day: date | None = None, ward: str = "") -> Scope:
    """One local day, half-open, and never beyond the world's now: a deadline that is still to come is not yet missed."""
    zone = timezone.get_default_timezone()
    day = day or local_day(now)
    start = datetime.combine(day, time.min, tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
    # A microsecond more, so that what happens at this very moment is in.
    return Scope(
        world=world.pk,
        start=start,
        end=min(end, max(start, now + timedelta(microseconds=1))),
        locality=world.locality,
        ward=ward,
    )


def decimal(ratio: Fraction, places: int = 1) -> str:
    """Rounded half up to some places, without a trailing zero, as the reader's language writes it."""
    step = 10**places
    units = (ratio.numerator * step * 2 + ratio.denominator) // (2 * ratio.denominator)
    return str(number_format(units / step, places) if units % step else number_format(units // step))


def shown(indicator: Indicator, scope: Scope, now: datetime) -> Shown:
    value = measure(indicator, scope, now)
    ratio = value.ratio
    href = href_of(indicator, scope, now)
    return Shown(value, words(indicator.unit, ratio), unit_words(indicator.unit, ratio), href, _bad(indicator, ratio))


def href_of(indicator: Indicator, scope: Scope, now: datetime) -> str:
    """The page of an indicator in this scope."""
    query = {"ward": scope.ward} if scope.ward else {}
    if scope.end <= now:
        query["day"] = local_day(scope.start).isoformat()
    return reverse("centre:figure", args=[indicator.code]) + (f"?{urlencode(query)}" if query else "")


def words(unit: Unit, ratio: Fraction | None) -> str:
    if ratio is None:
        return ""
    return decimal(ratio * 100) if unit == Unit.PERCENT else decimal(ratio)


def unit_words(unit: Unit, ratio: Fraction | None) -> str:
    if ratio is None or unit == Unit.COUNT:
        return ""
    return {Unit.PERCENT: "%", Unit.KM_PER_HOUR: "km/h"}.get(unit) or gettext("phút")


def _bad(indicator: Indicator, ratio: Fraction | None) -> bool:
    """Coloured only where any amount is too much: a rate has no target here, so it has no colour."""
    return indicator.better == "lower" and indicator.unit == Unit.COUNT and bool(ratio)


def all_shown(scope: Scope, now: datetime, *, incidents: bool = False) -> list[Shown | Unknown]:
    """Every declared indicator, the core's own first; with `incidents` only those that are counted from incidents."""
    return [_one(one, scope, now) for one in indicators().values() if one.row is None or not incidents]


def _one(indicator: Indicator, scope: Scope, now: datetime) -> Shown | Unknown:
    """What stands in the way of one figure over events is no reason to hide the others."""
    try:
        return shown(indicator, scope, now)
    except (Broken, Unavailable) as problem:
        if indicator.row is None:
            raise
        if _failing.worth_saying(problem):  # pages ask again by themselves
            log.warning("a figure cannot be computed: %s", problem, extra={"indicator": indicator.code})
        return Unknown(indicator, href_of(indicator, scope, now))
