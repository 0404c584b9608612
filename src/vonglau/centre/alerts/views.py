"""Alerts: what the machines say, with the events under it. People decide what becomes of it."""

from typing import Any

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import urlencode

from vonglau.centre.access import Request, is_fragment, of_the_centre, of_the_desk
from vonglau.centre.desk import why
from vonglau.centre.names import kind_title, ward_names, wards_of
from vonglau.core import alerts as words
from vonglau.core.alert_models import Alert
from vonglau.core.detection import Severity
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.people import policy
from vonglau.core.seams import alert_kinds
from vonglau.kit.paging import Order, Page
from vonglau.kit.paging import page as page_of

PAGE = 50
BY_ONSET = Order("onset", descending=True)
TABS = ("now", "ended", "all")


def _asked(request: Request) -> dict[str, str]:
    """The filter as the address says it; unknown values are dropped."""
    given = request.GET
    tab, severity, kind = given.get("tab", "now"), given.get("severity", ""), given.get("kind", "")
    return {
        "tab": tab if tab in TABS else "now",
        "severity": severity if severity in set(Severity) else "",
        "kind": kind if kind in alert_kinds() else "",
        "ward": given.get("ward", "")[:5],
    }


def _query(asked: dict[str, str], **changed: str) -> str:
    parts = {**asked, **changed}
    return "?" + urlencode({key: value for key, value in parts.items() if value and (key, value) != ("tab", "now")})


def _rows(request: Request, asked: dict[str, str]) -> Any:
    rows = Alert.objects.filter(world=request.world.pk).select_related("incident")
    exact = {key: asked[key] for key in ("severity", "kind", "ward") if asked[key]}
    return rows.filter(**exact)


def _page(request: Request, rows: Any) -> Page:
    try:
        return page_of(rows, BY_ONSET, after=request.GET.get("after"), limit=PAGE)
    except BadInput:
        return page_of(rows, BY_ONSET, limit=PAGE)


@of_the_centre
def alerts(request: Request) -> HttpResponseBase:
    asked = _asked(request)
    rows = _rows(request, asked)
    active = rows.filter(ended=None)
    shown = _page(request, {"now": active, "ended": rows.exclude(ended=None), "all": rows}[asked["tab"]])
    wards = ward_names([alert.ward for alert in shown.items] + [asked["ward"]])
    context = {
        "asked": asked,
        "items": [
            {
                "alert": alert,
                "headline": words.headline(alert),
                "ward": wards.get(alert.ward, ""),
                "kind": kind_title(alert.kind),
            }
            for alert in shown.items
        ],
        "active": active.count(),
        "tabs": [(code, _query(asked, tab=code)) for code in TABS],
        "next": _query(asked) + f"&after={shown.next}" if shown.next else "",
        "first": _query(asked) if request.GET.get("after") else "",
        "kinds": [
            (code, str(kind.title), _query(asked, kind="" if asked["kind"] == code else code))
            for code, kind in alert_kinds().items()
        ],
        "severities": [
            (level.value, _query(asked, severity="" if asked["severity"] == level.value else level.value))
            for level in list(Severity)[:4]
        ],
        "ward": wards.get(asked["ward"], asked["ward"]),
        "without_ward": _query(asked, ward=""),
        "wards": [] if is_fragment(request) else list(wards_of(request.world.locality).items()),
        "fragment": request.get_full_path(),
    }
    return render(request, "centre/alerts/_list.html" if is_fragment(request) else "centre/alerts/list.html", context)


def _find(request: Request, identity: str) -> Alert:
    found = Alert.objects.filter(world=request.world.pk, identity=identity).select_related("incident__agency").first()
    if found is None:
        raise NotFound(f"There is no alert {identity!r} in world {request.world.pk!r}.")
    return found


@of_the_centre
def alert(request: Request, identity: str) -> HttpResponseBase:
    found = _find(request, identity)
    reason = why.reason(found, why.events_at(found.evidence), limit=len(found.evidence))
    context = {
        "reason": reason,
        "alert": found,
        "kind": kind_title(found.kind),
        "ward": ward_names([found.ward]).get(found.ward, ""),
        "gone": len(set(found.evidence)) - len(reason.events),
    }
    return render(request, "centre/alerts/_alert.html" if is_fragment(request) else "centre/alerts/alert.html", context)


@of_the_desk
def series(request: Request, identity: str) -> HttpResponseBase:
    """The chart's data: for the centre, and for the agency in whose hands its incident is."""
    found = _find(request, identity)
    theirs = found.incident is not None and policy.may_see(request.actor, found.incident)
    if not (policy.may_see_centre(request.actor) or theirs):
        raise NotFound(f"There is no alert {identity!r} in world {request.world.pk!r}.")
    return JsonResponse(why.chart(found))
