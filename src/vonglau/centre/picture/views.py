"""The picture: where it happens, what comes due next, what the machines say, how the day stands. Every view of it is a link."""

from typing import Any

from django.db.models import Count, Q
from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from vonglau.centre.access import Request, is_fragment, of_the_centre, page
from vonglau.centre.figures.values import all_shown, scope_of
from vonglau.centre.names import kind_title, readable, ward_names, wards_of
from vonglau.centre.picture.view_box import first_view
from vonglau.core import alerts as words
from vonglau.core.alert_models import Alert
from vonglau.core.detection import Severity
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN
from vonglau.core.incidents.timeline import SEVERITIES
from vonglau.core.people import policy
from vonglau.core.seams import incident_kinds
from vonglau.core.worlds import World

SHOWN_INCIDENTS = 12
SHOWN_ALERTS = 10
MOST_POINTS = 5000
"""Of each sort: beyond that a map of points says nothing more; the counts by ward still do."""


def _asked(request: Request) -> dict[str, str]:
    """ward, kind and severity, as the address says them; unknown values are dropped."""
    kind, severity = request.GET.get("kind", ""), request.GET.get("severity", "")
    return {
        "ward": request.GET.get("ward", "")[:5],
        "kind": kind if kind in incident_kinds() else "",
        "severity": severity if severity in set(Severity) else "",
    }


def _query(asked: dict[str, str], **changed: str) -> str:
    return "?" + urlencode({key: value for key, value in {**asked, **changed}.items() if value})


def _incidents(world: World, asked: dict[str, str]) -> Any:
    rows = Incident.objects.filter(world=world.pk, state__in=OPEN)
    if asked["severity"]:
        rows = rows.filter(rank=SEVERITIES.index(asked["severity"]))
    return rows.filter(**{key: asked[key] for key in ("ward", "kind") if asked[key]})


def _alerts(world: World, asked: dict[str, str]) -> Any:
    """Open alerts; a kind of incident narrows them to the alerts that open it."""
    rows = Alert.objects.filter(world=world.pk, ended=None)
    if asked["kind"]:
        rule = incident_kinds()[asked["kind"]][1].correlation
        rows = rows.filter(kind__in=rule.alert_kinds if rule else ())
    return rows.filter(**{key: asked[key] for key in ("ward", "severity") if asked[key]})


@page(policy.may_see_centre, else_to="centre:desk")
def picture(request: Request) -> HttpResponseBase:
    asked, now = _asked(request), request.world.now()
    parts = {"queue": _queue_part, "alerts": _alerts_part, "figures": _figures_part}
    part = request.GET.get("part", "")
    if is_fragment(request) and part in parts:
        context = {"asked": asked, "now": now, "here": _query(asked), **parts[part](request, asked)}
        return render(request, f"centre/picture/_{part}.html", context)
    context = {"asked": asked, "now": now, "here": _query(asked)}
    for made in parts.values():
        context.update(made(request, asked))
    context.update(_filters(request, asked))
    return render(request, "centre/picture/picture.html", context)


def _queue_part(request: Request, asked: dict[str, str]) -> dict[str, Any]:
    """What comes due next. Two index walks: what waits for a citizen has no deadline and comes last."""
    rows = _incidents(request.world, asked).select_related("agency")
    due = list(rows.filter(due_at__isnull=False).order_by("due_at", "id")[:SHOWN_INCIDENTS])
    paused = (
        rows.filter(due_at__isnull=True).order_by("id")[: SHOWN_INCIDENTS - len(due)]
        if len(due) < SHOWN_INCIDENTS
        else ()
    )
    total = rows.count()
    held = {
        "ward": asked["ward"],
        "kind": asked["kind"],
        "rank": str(SEVERITIES.index(asked["severity"])) if asked["severity"] else "",
    }
    return {
        "rows": readable([*due, *paused]),
        "total": total,
        "desk_href": reverse("centre:desk") + "?" + urlencode({key: value for key, value in held.items() if value}),
    }


def _alerts_part(request: Request, asked: dict[str, str]) -> dict[str, Any]:
    rows = _alerts(request.world, asked).select_related("incident")
    found = list(rows.order_by("-rank", "-onset")[:SHOWN_ALERTS])
    wards = ward_names([alert.ward for alert in found])
    return {
        "alerts": [
            {
                "alert": alert,
                "headline": words.headline(alert),
                "kind": kind_title(alert.kind),
                "ward": wards.get(alert.ward, ""),
            }
            for alert in found
        ],
        "alerts_total": rows.count(),
    }


def _figures_part(request: Request, asked: dict[str, str]) -> dict[str, Any]:
    now = request.world.now()
    found = all_shown(scope_of(request.world, now, ward=asked["ward"]), now, incidents=True)
    return {"figures": found}


def _filters(request: Request, asked: dict[str, str]) -> dict[str, Any]:
    """The map's attributes, and the narrowing as links."""
    named = wards_of(request.world.locality)
    kinds = [(code, str(kind.title)) for code, (_service, kind) in incident_kinds().items()]
    return {
        "bounds": ",".join(f"{value:.4f}" for value in first_view(request.world, asked)),
        "points": reverse("centre:points") + _query(asked, ward=""),
        "ward_link": _query(asked, ward="") + ("&" if _query(asked, ward="") != "?" else "") + "ward=",
        "wards": [(code, name) for code, name in named.items()],
        "ward_name": named.get(asked["ward"], asked["ward"]),
        "without_ward": _query(asked, ward=""),
        "kinds": [
            (title, code == asked["kind"], _query(asked, kind="" if code == asked["kind"] else code))
            for code, title in kinds
        ],
        "severities": [
            (
                level.value,
                level.value == asked["severity"],
                _query(asked, severity="" if level.value == asked["severity"] else level.value),
            )
            for level in list(Severity)[:4]
        ],
    }


@of_the_centre
def points(request: Request) -> HttpResponseBase:
    """Open alerts and incidents as GeoJSON, and how many open incidents each ward has. Ids are stable, so that points move, not blink."""
    asked, now = _asked(request), request.world.now()
    incidents = _incidents(request.world, asked)
    shown = readable(incidents.exclude(lon=None).order_by("-rank")[:MOST_POINTS])
    features = [_incident_point(incident, now) for incident in shown]
    alone = _alerts(request.world, asked).filter(incident=None).exclude(lon=None)
    features += [_alert_point(alert) for alert in alone.order_by("-rank")[:MOST_POINTS]]
    counted = incidents.exclude(ward="").order_by().values_list("ward").annotate(n=Count("pk", filter=Q()))
    return JsonResponse({"type": "FeatureCollection", "features": features, "wards": dict(counted)})


def _incident_point(incident: Incident, now: Any) -> dict[str, Any]:
    return _point(
        incident.pk * 2,
        incident.lon,
        incident.lat,
        kind="incident",
        severity=SEVERITIES[incident.rank],
        title=incident.title,
        ref=incident.ref,
        url=reverse("centre:incident", args=[incident.ref]),
        overdue=incident.due_at is not None and incident.due_at < now,
    )


def _alert_point(alert: Alert) -> dict[str, Any]:
    """An alert without an incident; one that has one is drawn as its incident."""
    return _point(
        alert.pk * 2 + 1,
        alert.lon,
        alert.lat,
        kind="alert",
        severity=alert.severity,
        title=words.headline(alert),
        ref="",
        url=reverse("centre:alert", args=[alert.identity]),
        overdue=False,
    )


def _point(id: int, lon: float | None, lat: float | None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": id,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": properties,
    }
