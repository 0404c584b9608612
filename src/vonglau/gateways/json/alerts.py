"""Alerts as detectors said them."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from vonglau.core import alerts as words
from vonglau.core.alert_models import Alert
from vonglau.core.errors import NotFound
from vonglau.gateways.json import shapes
from vonglau.gateways.json.access import centre, world_of
from vonglau.kit.paging import Order, page

router = Router(tags=["Alerts"])

NEWEST = Order("onset", descending=True)


class AlertsAsked(Schema):
    state: Literal["open", "ended"] | None = None
    kind: str | None = Field(None, max_length=60, description="Code of a kind of alert.")
    ward: shapes.Ward = None
    since: shapes.Moment | None = Field(None, description="Only those that changed at or after this moment.")
    world: shapes.InWorld = None
    after: shapes.After = None
    limit: shapes.Limit = 100


def shown(alert: Alert) -> dict[str, Any]:
    return {
        **{name: getattr(alert, name) for name in shapes.AlertOut.model_fields if hasattr(alert, name)},
        "state": "open" if alert.ended is None else "ended",
        "headline": words.headline(alert),
        "incident": alert.incident.ref if alert.incident else None,
    }


@router.get("/alerts", response=shapes.Listed[shapes.AlertOut], summary="Alerts, newest first")
def alerts(request: HttpRequest, asked: Query[AlertsAsked]) -> dict[str, Any]:
    centre(request)
    rows = Alert.objects.filter(world=world_of(request, asked.world).pk).select_related("incident")
    exact = {"kind": asked.kind, "ward": asked.ward, "updated__gte": asked.since}
    rows = rows.filter(**{key: value for key, value in exact.items() if value})
    if asked.state is not None:
        rows = rows.filter(ended__isnull=asked.state == "open")
    found = page(rows, NEWEST, after=asked.after, limit=asked.limit)
    return {"items": [shown(alert) for alert in found.items], "next": found.next}


@router.get("/alerts/{identity}", response=shapes.AlertDetail, summary="One alert and what it rests on")
def alert(request: HttpRequest, identity: str, world: shapes.InWorld = None) -> dict[str, Any]:
    centre(request)
    asked = world_of(request, world)
    found = Alert.objects.filter(world=asked.pk, identity=identity).select_related("incident").first()
    if found is None:
        raise NotFound(f"There is no alert {identity!r} in world {asked.pk!r}.")
    more = {name: getattr(found, name) for name in ("series", "evidence", "joined")}
    return {**shown(found), **more, "explanation": words.explanation(found)}
