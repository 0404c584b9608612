"""Webhooks: where a programme wants to be told. What arrives there is written in docs/howto/notices.md."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from vonglau.core.errors import NotAllowed
from vonglau.core.notify import endpoints
from vonglau.core.notify_models import Endpoint
from vonglau.core.people import policy
from vonglau.core.people.models import ApiToken
from vonglau.core.people.policy import Actor
from vonglau.gateways.json import shapes
from vonglau.gateways.json.access import actor_of, world_of
from vonglau.kit.paging import BY_ID, page

router = Router(tags=["Webhooks"])


class WebhookAsked(Schema):
    name: str = Field(min_length=1, max_length=100)
    url: str = Field(max_length=500, description="https, and a public address unless the installation names the host.")
    types: list[str] = Field(
        min_length=1, max_length=50, description="CloudEvents types, exact or ending in `*`: `vn.vonglau.incident.*`."
    )


class WebhookOut(Schema):
    id: int
    name: str
    url: str
    world: str
    types: list[str]
    agency: str | None = Field(description="Code of the agency whose rights it has; null: the centre's.")
    created_by: str
    created_at: datetime
    paused_at: datetime | None
    paused_why: str = Field(description="`hand`, or `gone` when it answered 410.")
    failures: int = Field(description="In a row, since the last success.")
    hold_until: datetime | None = Field(description="It rests until then: it failed several times, or asked for it.")
    last_ok_at: datetime | None
    last_error: str


class WebhookSecret(WebhookOut):
    secret: str = Field(description="`whsec_…`, shown in this answer alone.")


class Queued(Schema):
    queued: str = Field(description="The idempotency key of what was queued.")


def _manager(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if not policy.may_manage_webhooks(actor):
        raise NotAllowed("Webhooks are for administrators, and for tokens with the scopes `webhooks:write` and `read`.")
    return actor


def shown(endpoint: Endpoint) -> dict[str, Any]:
    own = {name: getattr(endpoint, name) for name in WebhookOut.model_fields if name != "agency"}
    return {**own, "agency": endpoint.agency.code if endpoint.agency else None}


def _found(request: HttpRequest, id: shapes.Id, world: str | None) -> tuple[Endpoint, Actor]:
    actor = _manager(request)
    return endpoints.find(id, world_of(request, world).pk), actor


@router.get("/webhooks", response=shapes.Listed[WebhookOut], summary="Webhooks of a world")
def webhooks(
    request: HttpRequest, world: shapes.InWorld = None, after: shapes.After = None, limit: shapes.Limit = 100
) -> dict[str, Any]:
    """Those that were not removed, oldest first; never their secrets."""
    _manager(request)
    rows = Endpoint.objects.filter(world=world_of(request, world).pk, removed_at=None).select_related("agency")
    found = page(rows, BY_ID, after=after, limit=limit)
    return {"items": [shown(one) for one in found.items], "next": found.next}


@router.post("/webhooks", response={201: WebhookSecret}, summary="Have a programme told")
def add_webhook(request: HttpRequest, asked: WebhookAsked, world: shapes.InWorld = None) -> Status[dict[str, Any]]:
    """The secret is in this answer alone. It is told from now on, for as long as the token that made it is valid."""
    actor = _manager(request)
    token = ApiToken.objects.filter(pk=actor.token_id).first() if actor.token_id else None
    made, secret = endpoints.add(
        actor, name=asked.name, url=asked.url, world=world_of(request, world).pk, types=asked.types, token=token
    )
    return Status(201, {**shown(made), "secret": secret})


@router.get("/webhooks/{int:id}", response=WebhookOut, summary="One webhook and its health")
def webhook(request: HttpRequest, id: shapes.Id, world: shapes.InWorld = None) -> dict[str, Any]:
    return shown(_found(request, id, world)[0])


@router.delete("/webhooks/{int:id}", response=WebhookOut, summary="Remove a webhook")
def remove_webhook(request: HttpRequest, id: shapes.Id, world: shapes.InWorld = None) -> dict[str, Any]:
    """For good: its secrets are erased, and what waits for it is discarded."""
    found, actor = _found(request, id, world)
    endpoints.remove(found, actor)
    return shown(found)


@router.post("/webhooks/{int:id}/rotate", response=WebhookSecret, summary="A new secret")
def rotate_webhook(request: HttpRequest, id: shapes.Id, world: shapes.InWorld = None) -> dict[str, Any]:
    """For 24 hours both the new and the old secret sign."""
    found, actor = _found(request, id, world)
    return {**shown(found), "secret": endpoints.rotate(found, actor)}


@router.post("/webhooks/{int:id}/pause", response=WebhookOut, summary="Pause a webhook")
def pause_webhook(request: HttpRequest, id: shapes.Id, world: shapes.InWorld = None) -> dict[str, Any]:
    """Nothing more is queued, and what waits is held."""
    found, actor = _found(request, id, world)
    endpoints.pause(found, actor)
    return shown(endpoints.find(id))


@router.post("/webhooks/{int:id}/resume", response=WebhookOut, summary="Resume a webhook")
def resume_webhook(request: HttpRequest, id: shapes.Id, world: shapes.InWorld = None) -> dict[str, Any]:
    """From now on: what happened meanwhile is read from the lists."""
    found, actor = _found(request, id, world)
    endpoints.resume(found, actor)
    return shown(endpoints.find(id))


@router.post("/webhooks/{int:id}/test", response={202: Queued}, summary="Send a test event")
def try_webhook(request: HttpRequest, id: shapes.Id, world: shapes.InWorld = None) -> Status[dict[str, Any]]:
    """One event of the type `vn.vonglau.webhook.test`, whatever the filter says."""
    found, actor = _found(request, id, world)
    return Status(202, {"queued": endpoints.test(found, actor).key})
