"""Figures of a period for the public: rates with both numbers, agencies beside what they had to do, how many came and went over time.

Everything is counted over `PublicReport`, so that anybody can count it again from the open data. Counts of agencies come from one question,
grouped; a rate is divided once, in `Value.ratio`.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from vonglau.core.indicators.definitions import Counted, Indicator, Provenance, Scope, Value
from vonglau.core.snapshot import one_moment
from vonglau.core.worlds import World
from vonglau.services.field_reports import indicators
from vonglau.services.field_reports.published.filters import Asked

SMALL = 20
"""Under this denominator no rate is shown, only the two numbers: one report more or less would move it by five points."""
BARS = 60
"""In a chart, at most."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time: how many reports came, and how many results there were. `until` is without."""

    since: datetime
    until: datetime
    received: int
    results: int


class Part(NamedTuple):
    """What an agency had of one category and level: under the on-time rate, over it, results, and those that are fixed."""

    category: str
    level: str
    due: int
    good: int
    ended: int
    fixed: int


@dataclass(frozen=True, slots=True)
class Mix:
    """An agency's figures beside its case mix. `expected`: what the whole city's rates give for the same mix of categories."""

    agency: int | None
    on_time: Value
    fixed: Value
    median: int | None
    expected: Fraction | None
    levels: dict[str, int]
    """Of the reports under the on-time rate, by level."""
    categories: list[tuple[str, int]]
    """Likewise by category, the most frequent first."""

    @property
    def volume(self) -> int:
        return self.on_time.counted.denominator or 0


@dataclass(frozen=True, slots=True)
class Figures:
    scope: Scope
    at: datetime
    values: dict[str, Value]
    agencies: list[Mix]
    bars: list[Bar]
    categories: list[tuple[str, int]]
    """Received in the period, the most frequent first."""


def scope_of(world: World, asked: Asked) -> Scope:
    """The period asked for, up to the world's now: a deadline that is still to come is not yet missed."""
    now = world.now()
    start, end = asked.window(now)
    beyond = now + timedelta(microseconds=1)
    return Scope(
        world=world.pk,
        start=start or datetime(1971, 1, 1, tzinfo=timezone.get_default_timezone()),
        end=min(end or beyond, beyond),
        locality=world.locality,
        ward=asked.ward,
    )


def figures(world: World, asked: Asked) -> Figures:
    """Everything of one moment."""
    with one_moment():
        scope = scope_of(world, asked)
        rows = indicators.reports(scope)
        if asked.category:
            rows = rows.filter(category=asked.category)
        values = {one.code: _value(one, scope, _counted(rows, scope, one)) for one in indicators.INDICATORS}
        received = rows.filter(indicators.within("received_at", scope))
        return Figures(
            scope=scope,
            at=world.now(),
            values=values,
            agencies=_agencies(rows, scope),
            bars=list(_bars(rows, _begun(rows, scope))),
            categories=_most(received),
        )


def _value(indicator: Indicator, scope: Scope, counted: Counted) -> Value:
    return Value(indicator=indicator, scope=scope, counted=counted, provenance=Provenance.MEASURED, at=scope.end)


def _counted(rows: "QuerySet[Any]", scope: Scope, one: Indicator) -> Counted:
    """As the indicator counts, of these rows."""
    if one is indicators.MEDIAN:
        return indicators.median(rows.filter(indicators.result(scope)))
    if one is indicators.RECEIVED:
        return Counted(rows.filter(indicators.within("received_at", scope)).count())
    above, below = indicators.RATES[one.code]
    return Counted(rows.filter(above(scope)).count(), rows.filter(below(scope)).count())


def _most(rows: "QuerySet[Any]") -> list[tuple[str, int]]:
    counted = rows.order_by().values_list("category").annotate(n=Count("pk"))
    return sorted(counted, key=lambda one: (-one[1], one[0]))


# ---------------------------------------------------------------------------------------------- agencies


def _agencies(rows: "QuerySet[Any]", scope: Scope) -> list[Mix]:
    """Every agency that had something to answer for in the period; the busiest first, never the best."""
    due, good = indicators.due_result(scope), indicators.on_time(scope)
    ended, fixed = indicators.result(scope), indicators.fixed(scope)
    parts = (
        rows.filter(due | ended, agency__isnull=False)
        .order_by()
        .values_list("agency", "category", "level")
        .annotate(
            due=Count("pk", filter=due),
            good=Count("pk", filter=good),
            ended=Count("pk", filter=ended),
            fixed=Count("pk", filter=fixed),
        )
    )
    by_agency: dict[int, list[Part]] = defaultdict(list)
    for agency, *part in parts:
        by_agency[agency].append(Part(*part))
    city = _city_rates([part for many in by_agency.values() for part in many])
    middle = indicators.medians(rows.filter(ended, agency__isnull=False), "agency")
    found = [_mix(agency, many, scope, city, middle.get(agency)) for agency, many in by_agency.items()]
    return sorted(found, key=lambda one: (-one.volume, one.agency or 0))


def _city_rates(parts: Sequence[Part]) -> dict[str, Fraction]:
    """By category, of all agencies together."""
    due, good = Counter[str](), Counter[str]()
    for part in parts:
        due[part.category] += part.due
        good[part.category] += part.good
    return {category: Fraction(good[category], n) for category, n in due.items() if n}


def _mix(
    agency: int,
    parts: Sequence[Part],
    scope: Scope,
    city: dict[str, Fraction],
    median: int | None,
) -> Mix:
    levels, categories = Counter[str](), Counter[str]()
    for part in parts:
        levels[part.level] += part.due
        categories[part.category] += part.due
    due, good = sum(part.due for part in parts), sum(part.good for part in parts)
    ended, fixed = sum(part.ended for part in parts), sum(part.fixed for part in parts)
    expected = sum((city[category] * n for category, n in categories.items() if n), Fraction(0)) / due if due else None
    return Mix(
        agency=agency,
        on_time=_value(indicators.ON_TIME, scope, Counted(good, due)),
        fixed=_value(indicators.FIXED, scope, Counted(fixed, ended)),
        median=median,
        expected=expected,
        levels=dict(levels),
        categories=[one for one in categories.most_common() if one[1]],
    )


# ---------------------------------------------------------------------------------------------- over time


def _begun(rows: "QuerySet[Any]", scope: Scope) -> Scope:
    """Of "all", the chart begins with the first report."""
    if scope.start.year > 1971:
        return scope
    first = rows.order_by("received_at").values_list("received_at", flat=True).first()
    return replace(scope, start=max(scope.start, first)) if first is not None else replace(scope, start=scope.end)


def _bars(rows: "QuerySet[Any]", scope: Scope) -> Iterator[Bar]:
    """Local days, weeks from Monday, or months: as fine as fits. Each a question to the index, which no row's words are read for."""
    for since, until in _stretches(scope):
        came, ended = (Q(**{f"{field}__gte": since, f"{field}__lt": until}) for field in ("received_at", "resolved_at"))
        yield Bar(since, until, rows.filter(came).count(), rows.filter(ended, running=False).count())


def _stretches(scope: Scope) -> list[tuple[datetime, datetime]]:
    zone = timezone.get_default_timezone()
    first = timezone.localtime(scope.start, zone).date()
    days = (scope.end - scope.start).days
    edges = []
    if days > BARS * 7:
        day = first.replace(day=1)
        while datetime.combine(day, time.min, tzinfo=zone) < scope.end:
            edges.append(day)
            day = (day + timedelta(days=32)).replace(day=1)
        edges.append(day)
    else:
        step = 1 if days <= BARS else 7
        day = first if step == 1 else first - timedelta(days=first.weekday())
        while datetime.combine(day, time.min, tzinfo=zone) < scope.end:
            edges.append(day)
            day += timedelta(days=step)
        edges.append(day)
    moments = [datetime.combine(day, time.min, tzinfo=zone) for day in edges[-BARS * 3 - 1 :]]
    return list(itertools.pairwise(moments))
