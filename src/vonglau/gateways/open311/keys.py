"""Who asks, of which world, and for which jurisdiction."""

from django.http import HttpRequest

from vonglau.core.events import LIVE
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World, world
from vonglau.gateways.open311 import arguments
from vonglau.gateways.open311.arguments import Arguments
from vonglau.gateways.open311.formats import Refused
from vonglau.kit import tokens

REPORTER = "reporter"
"""The role in which a citizen's programme acts on incidents."""


def key(request: HttpRequest, given: Arguments) -> Actor | None:
    """Who the key stands for; None without one. A wrong one is refused, also where none is needed."""
    text = tokens.bearer(request.headers.get("Authorization")) or given.get("api_key")
    if text is None:
        return None
    actor = tokens.actor_of(text, request.META.get("REMOTE_ADDR"))
    if actor is None:
        raise Refused(403, "The api_key is not known here, or was revoked.")
    return actor


def sender(request: HttpRequest, given: Arguments) -> tuple[Actor, World]:
    """Whoever may send reports, as a reporter in its world."""
    actor = key(request, given)
    if actor is None:
        raise Refused(403, "An api_key is needed to send; /open311/v2/discovery.xml says where to get one.")
    if "reports:write" not in actor.scopes or actor.world is None:
        raise Refused(403, "This api_key may not send: it lacks the scope reports:write.")
    found = world(actor.world)
    jurisdiction(given, found)
    return Actor(actor.name, REPORTER, world=actor.world), found


def reading(request: HttpRequest, given: Arguments) -> World:
    """The world that is read: the key's own, else the live one."""
    actor = key(request, given)
    found = world(LIVE if actor is None or actor.world is None else actor.world)
    jurisdiction(given, found)
    return found


def offering(request: HttpRequest) -> None:
    """What is offered is the same for everybody: only a key or a jurisdiction that is named must be right."""
    given = arguments.query(request)
    if key(request, given) is not None or given.get("jurisdiction_id"):
        reading(request, given)


def jurisdiction(given: Arguments, in_world: World) -> None:
    """One installation serves one locality: its code may be named, none need be, and another is not known here."""
    named = given.get("jurisdiction_id", "").strip()
    if named and named != in_world.locality:
        known = f"; here it is {in_world.locality}, and may be left out" if in_world.locality else ""
        raise Refused(404, f"There is no jurisdiction_id {named[:80]}{known}.")
