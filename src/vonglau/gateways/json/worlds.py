"""Worlds one may read, each with its clock."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from vonglau.core.worlds import World
from vonglau.gateways.json import shapes
from vonglau.gateways.json.access import actor_of
from vonglau.kit.paging import MOST

router = Router(tags=["Worlds"])


@router.get("/worlds", response=shapes.Listed[shapes.WorldOut], summary="Worlds you may read")
def worlds(request: HttpRequest) -> dict[str, Any]:
    """Live, drills and recordings. A token sees its own alone."""
    actor = actor_of(request)
    rows = World.objects.order_by("pk")
    if actor.world is not None:
        rows = rows.filter(pk__in=[actor.world, *actor.more_worlds])
    names = ("id", "kind", "title_vi", "title_en", "locality", "rate", "ended_at")
    items = [{**{name: getattr(one, name) for name in names}, "now": one.now()} for one in rows[:MOST]]
    return {"items": items, "next": None}
