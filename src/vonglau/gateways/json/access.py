"""Who asks the API, and in which world. Rights stand in `core.people.policy`; here they become 401 and 403."""

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from vonglau.core import worlds
from vonglau.core.errors import NotAllowed
from vonglau.core.people import policy
from vonglau.core.people.models import User
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World
from vonglau.kit import tokens


class Token(HttpBearer):
    """A programme's key: `Authorization: Bearer vl_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        return tokens.actor_of(token.strip(), request.META.get("REMOTE_ADDR"))


class Account(APIKeyCookie):
    """Whoever is signed in in this browser; what changes something needs the CSRF token as well (`X-CSRFToken`)."""

    param_name = settings.SESSION_COOKIE_NAME

    def _get_key(self, request: HttpRequest) -> str | None:
        # A wrong token is nobody, whatever the cookies say; and without a session there is nothing to forge.
        if request.headers.get("Authorization") or self.param_name not in request.COOKIES:
            return None
        return super()._get_key(request)

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        if key is None or not isinstance(request.user, User):
            return None
        return Actor.of_user(request.user)


def actor_of(request: HttpRequest) -> Actor:
    """Who was let in."""
    return cast("Actor", cast("Any", request).auth)


def world_of(request: HttpRequest, asked: str | None = None) -> World:
    """The world to read: one of a token's own, by default its first; for people the one they name, else the one they look at."""
    actor = actor_of(request)
    if asked and not actor.may_enter(asked):
        raise NotAllowed(
            f"This token does not reach the world {asked!r}; its own is {actor.world!r}.", pointer="/query/world"
        )
    if actor.world is not None:
        return worlds.world(asked or actor.world)
    return worlds.world(asked) if asked else cast("World", cast("Any", request).world)


def centre(request: HttpRequest) -> Actor:
    """The actor, if the whole city may be shown to it."""
    actor = actor_of(request)
    if not policy.may_see_centre(actor):
        raise NotAllowed("This is for the operations centre, or for a token with the scope `read`.")
    return actor
