"""Indicators: each value, what it is made of, and the very incidents under it."""

from datetime import date, timedelta
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import urlencode

from vonglau.centre.access import Request, is_fragment, of_the_centre
from vonglau.centre.figures.values import all_shown, local_day, scope_of, shown
from vonglau.centre.names import readable, ward_names, wards_of
from vonglau.core.errors import NotFound
from vonglau.core.indicators.definitions import Indicator
from vonglau.core.places.models import Locality
from vonglau.core.seams import indicators

PAGE = 50
PARTS = ("numerator", "denominator")


def _day(request: Request) -> date:
    """The day asked for; today of the world's clock when none, a future one or nonsense is."""
    today = local_day(request.world.now())
    try:
        return min(date.fromisoformat(request.GET.get("day", "")), today)
    except ValueError:
        return today


@of_the_centre
def figures(request: Request) -> HttpResponseBase:
    now = request.world.now()
    day = _day(request)
    ward = request.GET.get("ward", "")[:5]
    scope = scope_of(request.world, now, day, ward)
    context = {
        "figures": [one for one in all_shown(scope, now) if one.indicator.period != "now" or day == local_day(now)],
        "fragment": request.get_full_path(),
        **_frame(request, day, ward),
    }
    return render(request, "centre/figures/_list.html" if is_fragment(request) else "centre/figures/list.html", context)


def _frame(request: Request, day: date, ward: str) -> dict[str, Any]:
    """Period, borders and world: what every figure names."""
    now = request.world.now()
    today = local_day(now)

    def at(other: date) -> str:
        parts = {"day": other.isoformat() if other != today else "", "ward": ward, "part": request.GET.get("part", "")}
        return "?" + urlencode({key: value for key, value in parts.items() if value})

    locality = Locality.objects.filter(code=request.world.locality).current().first()
    wards = {} if is_fragment(request) else wards_of(request.world.locality)
    return {
        "now": now,
        "day": day,
        "today": today,
        "is_today": day == today,
        "before": at(day - timedelta(days=1)),
        "after": at(day + timedelta(days=1)) if day < today else "",
        "back_to_today": at(today) if day != today else "",
        "ward": ward,
        "ward_name": (wards or ward_names([ward])).get(ward, ward),
        "wards": list(wards.items()),
        "locality": locality,
        "scope": scope_of(request.world, now, day, ward),
    }


@of_the_centre
def figure(request: Request, code: str) -> HttpResponseBase:
    indicator = indicators().get(code)
    if indicator is None:
        raise NotFound(f"There is no indicator {code!r}.")
    now, day, ward = request.world.now(), _day(request), request.GET.get("ward", "")[:5]
    if indicator.period == "now":
        day = local_day(now)
    scope = scope_of(request.world, now, day, ward)
    part = request.GET.get("part", "")
    part = part if part in PARTS and (part == "numerator" or indicator.denominator) else _part(indicator)
    context = {
        "figure": shown(indicator, scope, now),
        "indicator": indicator,
        "only_now": indicator.period == "now",
        "fragment": request.get_full_path(),
        **_frame(request, day, ward),
        **_rows(request, indicator, part, scope),
    }
    template = "centre/figures/_figure.html" if is_fragment(request) else "centre/figures/figure.html"
    return render(request, template, context)


def _part(indicator: Indicator) -> str:
    """What is listed first: everything a rate divides by, or everything a number counts."""
    return "denominator" if indicator.denominator else "numerator"


def _rows(request: Request, indicator: Indicator, part: str, scope: Any) -> dict[str, Any]:
    """One page of what stands under a part, marked whether it is in the numerator."""
    try:
        start = max(0, int(request.GET.get("from", "0")))
    except ValueError:
        start = 0
    rows = indicator.rows(scope, part)
    total = rows.count()
    page = rows[start : start + PAGE]
    found = list(page) if indicator.row else readable(page.select_related("agency"))
    inside = set()
    if part == "denominator":
        ids = [one.pk for one in found]
        inside = set(indicator.rows(scope, "numerator").filter(pk__in=ids).values_list("pk", flat=True))
    query = {"part": part, "day": request.GET.get("day", ""), "ward": scope.ward}

    def at(begin: int) -> str:
        parts = {**query, "from": str(begin) if begin else ""}
        return "?" + urlencode({key: value for key, value in parts.items() if value})

    return {
        "part": part,
        "own_rows": indicator.row is not None,
        "rows": [(indicator.row(one) if indicator.row else one, one.pk in inside) for one in found],
        "total": total,
        "first_row": start + 1 if found else 0,
        "last_row": start + len(found),
        "next": at(start + PAGE) if start + PAGE < total else "",
        "previous": at(max(0, start - PAGE)) if start else "",
        "parts": {name: "?" + urlencode({k: v for k, v in {**query, "part": name}.items() if v}) for name in PARTS},
    }
