"""Public statistics: every rate beside what it divides, agencies beside what they had to do. Without a script."""

import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from vonglau.core.indicators.definitions import Value
from vonglau.core.levels import levels
from vonglau.core.people.models import Agency
from vonglau.core.people.names import agency_name
from vonglau.core.worlds import World
from vonglau.kit.templatetags.kit import number
from vonglau.services.field_reports import indicators
from vonglau.services.field_reports.public import pages
from vonglau.services.field_reports.public.browse import category_name, choices
from vonglau.services.field_reports.published import filters, statistics
from vonglau.services.field_reports.published.filters import Asked
from vonglau.services.field_reports.published.statistics import SMALL, Bar, Figures, Mix

FRESH_SECONDS = 60.0
MOST_KEPT = 64
SHOWN_CATEGORIES = 12
SHOWN_MIX = 3

AT_ONCE = 4
"""Threads of a process that count figures or wait for them: half of those it has, the others answer everybody else."""
AGAIN_SECONDS = 10

Question = tuple[str, str]
"""A world, and what is asked of it."""

_kept: dict[Question, tuple[float, Figures]] = {}
"""Figures of the last minute, in this process: they cost more than any other page of the public."""
_room = threading.BoundedSemaphore(AT_ONCE)
_counting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its definition. `text` empty: there is nothing to divide by, and no 0 %."""

    value: Value
    text: str
    unit: str
    made: str

    @property
    def indicator(self) -> Any:
        return self.value.indicator


@dataclass(frozen=True, slots=True)
class AgencyLine:
    name: str
    href: str
    mix: Mix
    on_time: str
    expected: str
    fixed: str
    median: str
    levels: str
    categories: str


@dataclass(frozen=True, slots=True)
class Column:
    """A bar of the chart, heights in percent of the highest."""

    label: str
    bar: Bar
    received: float
    results: float

    @property
    def above(self) -> tuple[float, float]:
        """What is left free above the two."""
        return round(100 - self.received, 1), round(100 - self.results, 1)


def percent(ratio: Fraction) -> str:
    """Rounded half up to a tenth; a tenth of nothing is left out."""
    tenths = (ratio.numerator * 2000 + ratio.denominator) // (2 * ratio.denominator)
    return number(tenths / 10, 1) if tenths % 10 else number(tenths // 10)


def duration(minutes: int) -> str:
    """Two units at most, the larger first."""
    if minutes < 60:
        return ngettext("%(n)d phút", "%(n)d phút", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 48:
        told = ngettext("%(n)d giờ", "%(n)d giờ", hours) % {"n": hours}
        left = minutes % 60
        return f"{told} {ngettext('%(n)d phút', '%(n)d phút', left) % {'n': left}}" if left and hours < 10 else told
    days = hours // 24
    return ngettext("%(n)d ngày", "%(n)d ngày", days) % {"n": days}


def rate(value: Value) -> str:
    """A share; the two numbers where there are too few for one; nothing of nothing."""
    ratio, counted = value.ratio, value.counted
    if ratio is None:
        return ""
    if counted.denominator is not None and counted.denominator < SMALL:
        return _("%(above)s trên %(below)s") % {"above": counted.numerator, "below": counted.denominator}
    return f"{percent(ratio)} %"


@require_safe
def statistics_page(request: HttpRequest) -> HttpResponse:
    world, asked = pages.world_shown(), filters.read(request.GET)
    asked = Asked(category=asked.category, ward=asked.ward, period=asked.period, since=asked.since, until=asked.until)
    found = _figures(world, asked)
    if found is None:
        return _busy(request, world)
    context = {
        "asked": asked,
        "figures": found,
        "tiles": [_tile(one) for one in found.values.values()],
        "mixes": _agencies(found, asked),
        "small": SMALL,
        "columns": _columns(found.bars),
        "top": [
            (category_name(code), n, f"{reverse('field_reports:browse')}?{asked.query(category=code)}")
            for code, n in found.categories[:SHOWN_CATEGORIES]
        ],
        "since": found.scope.start if found.scope.start.year > 1971 else None,
        "data": f"{reverse('field_reports:data')}?{asked.query()}",
        **choices(world, asked),
    }
    return pages.show(request, "statistics", world, context)


def _figures(world: World, asked: Asked) -> Figures | None:
    """At most once a minute for each question, and one question at a time; None while as many wait as may."""
    question = (world.pk, asked.query())
    found = _fresh(question)
    if found is not None or not _room.acquire(blocking=False):
        return found
    try:
        with _counting:
            found = _fresh(question)  # somebody before us may have asked the same
            if found is None:
                found = statistics.figures(world, asked)
                if len(_kept) >= MOST_KEPT:
                    _kept.clear()
                _kept[question] = (time.monotonic(), found)
            return found
    finally:
        _room.release()


def _fresh(question: Question) -> Figures | None:
    kept = _kept.get(question)
    return kept[1] if kept is not None and time.monotonic() - kept[0] < FRESH_SECONDS else None


def _busy(request: HttpRequest, world: World) -> HttpResponse:
    words = _("Nhiều người đang xem số liệu cùng lúc. Hãy tải lại trang sau ít giây.")
    answer = pages.show(request, "said", world, {"title": _("Đang tính số liệu"), "words": words}, status=503)
    answer["Retry-After"] = str(AGAIN_SECONDS)
    return answer


def forget() -> None:
    """Count anew at the next look."""
    _kept.clear()


def _tile(value: Value) -> Tile:
    counted, one = value.counted, value.indicator
    if value.ratio is None:
        return Tile(value, "", "", _("chưa có gì để tính"))
    if one is indicators.MEDIAN:
        return Tile(value, duration(counted.numerator), "", "")
    if counted.denominator is None:
        return Tile(value, number(counted.numerator), "", "")
    numbers = {
        "above": number(counted.numerator),
        "below": number(counted.denominator),
    }
    made = _("%(above)s trên %(below)s") % numbers
    if counted.denominator < SMALL:
        return Tile(value, made, "", _("quá ít để tính tỷ lệ"))
    return Tile(value, percent(value.ratio), "%", made)


def _agencies(found: Figures, asked: Asked) -> list[AgencyLine]:
    rows = Agency.objects.in_bulk([one.agency for one in found.agencies if one.agency is not None])
    here = reverse("field_reports:browse")
    lines = []
    for one in found.agencies:
        agency = rows.get(one.agency) if one.agency is not None else None
        enough = one.expected is not None and one.volume >= SMALL
        lines.append(
            AgencyLine(
                name=agency_name(agency),
                href=f"{here}?{asked.query(agency=agency.code)}" if agency else here,
                mix=one,
                on_time=rate(one.on_time),
                expected=f"{percent(one.expected)} %" if enough and one.expected is not None else "",
                fixed=rate(one.fixed),
                median="" if one.median is None else duration(one.median),
                levels=_levels(one),
                categories=", ".join(f"{category_name(code)} {number(n)}" for code, n in one.categories[:SHOWN_MIX]),
            )
        )
    return lines


def _levels(one: Mix) -> str:
    """What part was urgent or complex, in words: it is what makes two agencies' rates differ most."""
    known = levels()
    language = "en" if (get_language() or "vi").startswith("en") else "vi"
    return ", ".join(
        f"{known[code].name[language] if code in known else code} {number(n)}"
        for code, n in sorted(one.levels.items(), key=lambda pair: -pair[1])
        if n
    )


def _columns(bars: list[Bar]) -> list[Column]:
    highest = max((max(one.received, one.results) for one in bars), default=0) or 1
    days = (bars[0].until - bars[0].since).days if bars else 1
    form = "m/Y" if days > 7 else "j/n"
    return [
        Column(
            date_format(timezone.localtime(one.since), form),
            one,
            round(100 * one.received / highest, 1),
            round(100 * one.results / highest, 1),
        )
        for one in bars
    ]
