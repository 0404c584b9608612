"""The log and its quarantine. What goes in goes through the door; here it is read, and quarantine is settled."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from vonglau.core import audit, changes
from vonglau.core.errors import Conflict, NotAllowed, NotFound
from vonglau.core.events import TICK_TYPE, Recorded, from_us, members
from vonglau.core.log import LogReader, Quarantined
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.engines import open_reader
from vonglau.gateways.events.door import Unprocessable
from vonglau.gateways.json import shapes
from vonglau.gateways.json.access import actor_of, world_of
from vonglau.kit import door

router = Router(tags=["Events"])

Position = Annotated[int, Field(ge=0, lt=2**63)]


@lru_cache(maxsize=4)
def _reader(data: Path) -> LogReader:
    return open_reader(data)


def log() -> LogReader:
    """This installation's log. Raises Unavailable where none was created yet."""
    return _reader(Path(settings.VONGLAU_DATA))


class EventsAsked(Schema):
    after: Position = Field(0, description="Position to go on from: `next` of the page before.")
    before: Position | None = Field(None, description="Only events before this position.")
    type: str | None = Field(None, max_length=255, description="Only events of this type.")
    world: shapes.InWorld = None
    limit: shapes.Limit = 100


def _readable(actor: Actor) -> None:
    if not policy.may_see_centre(actor) and "events:read" not in actor.scopes:
        raise NotAllowed("The log is for the centre, or for a token with the scope `read` or `events:read`.")


def as_cloudevent(one: Recorded) -> dict[str, Any]:
    """The event as it was sent, its data untouched, with its place in the log; `time` is the receipt where none was sent."""
    place = {"time": one.event.time, "position": one.pos, "recordedtime": from_us(one.recorded_us)}
    return members(one.event) | place


@router.get("/events", response=shapes.Listed[shapes.EventOut], summary="Read the log")
def events(request: HttpRequest, asked: Query[EventsAsked]) -> HttpResponse:
    """Events in the order in which they were stored; ticks of the clock only when asked for by their type.

    A filtered page may hold few items or none and still have a `next`:
    go on until it is null. A page at the head has no `next`: ask again from its last `position`."""
    _readable(actor_of(request))
    world = world_of(request, asked.world)
    found, cursor = log().read(asked.after, asked.limit, world=world.pk, type=asked.type, before=asked.before)
    told = [one for one in found if asked.type == TICK_TYPE or one.event.type != TICK_TYPE]
    page = {"items": [as_cloudevent(one) for one in told], "next": None if cursor is None else str(cursor)}
    return HttpResponse(msgspec.json.encode(page), content_type="application/json")


# ---------------------------------------------------------------------------------------------- quarantine

quarantine_router = Router(tags=["Quarantine"])


class QuarantineAsked(Schema):
    state: Literal["open", "resubmitted", "discarded", "all"] = "open"
    world: shapes.InWorld = None
    after: Position = 0
    limit: shapes.Limit = 100


def _mender(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if not policy.may_mend_quarantine(actor):
        raise NotAllowed("Quarantine is for the desk, or for a token with the scope `quarantine:write`.")
    return actor


def _onlooker(request: HttpRequest) -> None:
    if not policy.may_see_quarantine(actor_of(request)):
        raise NotAllowed("Quarantine is for the desk, or for a token with the scope `read` or `quarantine:write`.")


def _shown(item: Quarantined) -> dict[str, Any]:
    return {
        "id": item.id,
        "at": from_us(item.at_us),
        "world": item.world,
        "source": item.source,
        "event_id": item.event_id,
        "pointer": item.pointer,
        "reason": item.reason,
        "state": item.state,
        "by": item.by,
        "size": len(item.raw),
    }


def _item(request: HttpRequest, id: int, asked: str | None) -> Quarantined:
    world = world_of(request, asked)
    item = log().quarantined(id)
    if item is None or item.world != world.pk:
        raise NotFound(f"There is no quarantined item {id} in world {world.pk!r}.")
    return item


@quarantine_router.get("/quarantine", response=shapes.Listed[shapes.QuarantinedOut], summary="What waits to be mended")
def quarantine(request: HttpRequest, asked: Query[QuarantineAsked]) -> dict[str, Any]:
    """Items that could not be events, oldest first."""
    _onlooker(request)
    world = world_of(request, asked.world)
    state = None if asked.state == "all" else asked.state
    found, cursor = log().quarantine(asked.after, asked.limit, world=world.pk, state=state)
    return {"items": [_shown(item) for item in found], "next": None if cursor is None else str(cursor)}


@quarantine_router.get("/quarantine/{int:id}", response=shapes.QuarantinedDetail, summary="One item with what was sent")
def quarantined(request: HttpRequest, id: Position, world: shapes.InWorld = None) -> dict[str, Any]:
    _onlooker(request)
    item = _item(request, id, world)
    try:
        text = item.raw.decode()
    except UnicodeDecodeError:
        return {**_shown(item), "raw": None, "raw_base64": base64.b64encode(item.raw).decode()}
    return {**_shown(item), "raw": text, "raw_base64": None}


_MENDED = {
    "requestBody": {
        "required": False,
        "content": {"application/cloudevents+json": {"schema": {"type": "object", "description": "The mended event."}}},
    }
}


@quarantine_router.post(
    "/quarantine/{int:id}/resubmit",
    response=shapes.Settled,
    summary="Hand in a mended event",
    openapi_extra=_MENDED,
)
def resubmit(request: HttpRequest, id: Position, world: shapes.InWorld = None) -> dict[str, Any]:
    """The body is the mended event; none: the item as it was sent, whose world or type may be known by now. The door checks
    it like any other: 422 with the pointer when it still cannot be used."""
    actor = _mender(request)
    item = _open(_item(request, id, world))
    event = request.body or item.raw
    answer = door.resubmit(item.id, event, by=actor.name)
    if not answer.ok:
        _refused(answer)
    _remember(item, actor, "resubmit", event)
    return {"id": item.id, "state": "resubmitted", "position": answer.body.get("pos")}


@quarantine_router.post("/quarantine/{int:id}/discard", response=shapes.Settled, summary="Settle without using it")
def discard(request: HttpRequest, id: Position, world: shapes.InWorld = None) -> dict[str, Any]:
    """What was sent stays visible."""
    actor = _mender(request)
    item = _open(_item(request, id, world))
    answer = door.discard(item.id, by=actor.name)
    if not answer.ok:
        _refused(answer)
    _remember(item, actor, "discard", b"")
    return {"id": item.id, "state": "discarded", "position": None}


def _refused(answer: door.Answer) -> NoReturn:
    """What the door said, as our own error."""
    if answer.status == Conflict.status:
        raise Conflict(answer.reason or "Somebody else settled it.")
    raise Unprocessable(answer.reason or "The door refused it.", pointer=answer.pointer)


def _open(item: Quarantined) -> Quarantined:
    if item.state != "open":
        raise Conflict(f"This item was {item.state} already.", state=item.state)
    return item


@transaction.atomic
def _remember(item: Quarantined, actor: Actor, step: str, mended: bytes) -> None:
    """Who settled it. The chain holds digests only: what was sent may be what must not be kept for ever."""
    body = {
        "who": actor.name,
        "role": actor.role,
        "step": step,
        "before": hashlib.sha256(item.raw).hexdigest(),
        **({"after": hashlib.sha256(mended).hexdigest()} if mended else {}),
    }
    audit.record(f"quarantine/{item.id}", body)
    changes.announce(item.world, "quarantine", str(item.id), step=step)
