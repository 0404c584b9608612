"""Indicators: definitions, values with everything under them, and the very incidents they count."""

import re
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from vonglau.core.errors import BadInput, NotFound
from vonglau.core.incidents.models import Incident
from vonglau.core.indicators.definitions import Indicator, Scope, measure
from vonglau.core.seams import indicators as declared
from vonglau.core.worlds import World
from vonglau.gateways.json import shapes
from vonglau.gateways.json.access import centre, world_of
from vonglau.gateways.json.incidents import listed
from vonglau.kit.paging import BY_ID, page

router = Router(tags=["Indicators"])

DIGITS = 12
"""After the point of a ratio: more than any count here can tell apart."""


class ScopeAsked(Schema):
    start: str | None = Field(
        None, max_length=40, description="A moment with zone, or a local day. Absent: the world's present day."
    )
    end: str | None = Field(
        None, max_length=40, description="A moment (not included), or a local day (included). Absent: the world's now."
    )
    ward: str = Field("", max_length=5, description="Code of one ward; absent: the whole locality.")
    frame: str = Field(
        "current", max_length=10, description="reported | current | a date: whose borders; this tier has its own alone."
    )
    world: shapes.InWorld = None


class RowsAsked(ScopeAsked):
    part: Literal["numerator", "denominator"] = "denominator"
    after: shapes.After = None
    limit: shapes.Limit = 100


def decimal(ratio: Fraction | None) -> str | None:
    """A decimal string, exact up to the last digit (rounded half up), without trailing zeros."""
    if ratio is None:
        return None
    scaled = (ratio.numerator * 10**DIGITS * 2 + ratio.denominator) // (2 * ratio.denominator)
    whole, part = divmod(abs(scaled), 10**DIGITS)
    text = f"{whole}.{part:0{DIGITS}d}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled < 0 else text


def _definition(indicator: Indicator) -> dict[str, Any]:
    return {
        "code": indicator.code,
        "title": str(indicator.title),
        "definition": str(indicator.definition),
        "numerator": str(indicator.numerator),
        "denominator": None if indicator.denominator is None else str(indicator.denominator),
        "unit": indicator.unit.value,
        "period": indicator.period,
        "aggregation": indicator.aggregation,
        "better": indicator.better,
    }


def _find(code: str) -> Indicator:
    found = declared().get(code)
    if found is None:
        raise NotFound(f"There is no indicator {code!r}; /api/indicators lists them.")
    return found


def _moment(said: str, name: str, *, ends: bool) -> datetime:
    """A day is the whole local day; a moment must say its zone, whose "+" often arrives as a space."""
    try:
        if len(said) <= 10:
            day = date.fromisoformat(said) + timedelta(days=ends)
            return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone()).astimezone(UTC)
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)\Z", r"+\1", said))
        if moment.tzinfo is None:
            raise BadInput(f"`{name}` has no zone; write it with Z or an offset.", pointer=f"/query/{name}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        advice = f"`{name}` is no day (2026-11-22) and no moment with zone (2026-11-22T08:00:00Z)."
        raise BadInput(advice, pointer=f"/query/{name}") from problem


def _scope(world: World, asked: ScopeAsked) -> Scope:
    now = world.now()
    start = _moment(asked.start or timezone.localtime(now).date().isoformat(), "start", ends=False)
    end = _moment(asked.end, "end", ends=True) if asked.end else now + timedelta(microseconds=1)
    if end <= start:
        raise BadInput("The period ends before it begins: `start` < `end`.", pointer="/query/end")
    if asked.frame not in ("current", "reported"):
        try:
            date.fromisoformat(asked.frame)
        except ValueError as problem:
            raise BadInput("`frame` is reported, current or a date.", pointer="/query/frame") from problem
    # A deadline that is still to come is not yet missed.
    end = min(end, max(now + timedelta(microseconds=1), start + timedelta(microseconds=1)))
    return Scope(world=world.pk, start=start, end=end, locality=world.locality, frame=asked.frame, ward=asked.ward)


@router.get("/indicators", response=shapes.Listed[shapes.DefinitionOut], summary="Definitions")
def indicators(request: HttpRequest) -> dict[str, Any]:
    centre(request)
    return {"items": [_definition(one) for one in declared().values()], "next": None}


@router.get("/indicators/{code}", response=shapes.ValueOut, summary="A value and what it is made of")
def indicator(request: HttpRequest, code: str, asked: Query[ScopeAsked]) -> dict[str, Any]:
    centre(request)
    found, world = _find(code), world_of(request, asked.world)
    value = measure(found, _scope(world, asked), world.now())
    scope = value.scope
    return {
        "indicator": _definition(found),
        "world": scope.world,
        "locality": scope.locality,
        "ward": scope.ward,
        "frame": scope.frame,
        "period": {"start": scope.start, "end": scope.end},
        "numerator": value.counted.numerator,
        "denominator": value.counted.denominator,
        "scale": value.counted.scale,
        "ratio": decimal(value.ratio),
        "provenance": value.provenance.value,
        "at": value.at,
    }


@router.get(
    "/indicators/{code}/rows", response=shapes.Listed[shapes.IncidentOut], summary="The incidents under a value"
)
def rows(request: HttpRequest, code: str, asked: Query[RowsAsked]) -> dict[str, Any]:
    """Every incident that the numerator or the denominator counts, by id."""
    centre(request)
    found, world = _find(code), world_of(request, asked.world)
    counted = found.rows(_scope(world, asked), asked.part)
    if not issubclass(counted.model, Incident):
        raise NotFound(f"The indicator {code!r} is not counted from incidents.")
    with_names = counted.select_related("agency", "keeper", "parent")
    return listed(page(with_names, BY_ID, after=asked.after, limit=asked.limit), world)
