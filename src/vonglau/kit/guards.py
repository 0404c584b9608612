"""Who asks, in which world, and what they may: `request.actor`, `request.world`, and decorators over the one policy.

`request.actor` is None when nobody signed in and no valid token was sent. `request.world` is the world of the session's choice,
a token's own world, or the default: the drill while `vonglau demo` serves, else live.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from vonglau.core.errors import NotFound, Unavailable
from vonglau.core.events import LIVE
from vonglau.core.people import policy
from vonglau.core.people.models import User
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World, WorldKind, world
from vonglau.kit import tokens

KEY = "world"
ENROL = "enrol"
"""Set in a session while its account must set up a second factor before anything else."""

View = TypeVar("View", bound=Callable[..., Any])


def worlds() -> list[World]:
    """Worlds a person may look at: live first, then what runs, then recordings."""
    order = {WorldKind.LIVE: 0, WorldKind.DRILL: 1, WorldKind.RECORDING: 2}
    return sorted(World.objects.filter(ended_at=None), key=lambda one: (order[WorldKind(one.kind)], one.pk))


def default_world() -> World:
    """The drill while `vonglau demo` serves, else live."""
    if settings.VONGLAU_DEMO:
        drill = World.objects.filter(kind=WorldKind.DRILL, ended_at=None).order_by("pk").first()
        if drill is not None:
            return drill
    try:
        return world(LIVE)
    except NotFound as missing:
        raise Unavailable("This data folder has no world yet: run `vonglau init` on it.") from missing


def chosen_world(session: Any, actor: Actor | None) -> World:
    """The world of a request: a token's own, else the session's choice if it still runs, else the default."""
    if actor is not None and actor.world is not None:
        return world(actor.world)
    said = session.get(KEY) if session is not None else None
    if said:
        found = World.objects.filter(pk=said, ended_at=None).first()
        if found is not None:
            return found
    return default_world()


def actor_of(request: HttpRequest) -> Actor | None:
    """The token's actor when one is sent (a wrong token is nobody, whatever the cookies say), else the account's."""
    header = request.headers.get("Authorization")
    if header:
        text = tokens.bearer(header)
        token = tokens.find(text, request.META.get("REMOTE_ADDR")) if text else None
        return Actor.of_token(token) if token else None
    user = request.user
    return Actor.of_user(user) if isinstance(user, User) or user.is_authenticated else None


class WorldMiddleware:
    """After AuthenticationMiddleware. The world is looked up when it is first used: static pages need none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        actor = actor_of(request)
        request.actor = actor  # type: ignore[attr-defined]
        request.world = SimpleLazyObject(lambda: chosen_world(request.session, actor))  # type: ignore[attr-defined]
        return self.get_response(request)


def _guarded(allows: Callable[[Actor], bool], why: Callable[[], str]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            actor: Actor | None = getattr(request, "actor", None)
            if actor is None:
                return redirect_to_login(request.get_full_path())
            if not allows(actor):
                raise PermissionDenied(why())
            response: HttpResponse = view(request, *args, **kwargs)
            return response

        return guarded  # type: ignore[return-value]

    return decorate


def signed_in(view: View) -> View:
    """Anybody with an account; others are sent to sign in and come back."""
    return _guarded(lambda actor: True, lambda: "")(view)


def role_required(*roles: str) -> Callable[[View], View]:
    """Only these roles. 403 tells which role is missing, so that the person knows whom to ask."""
    return _guarded(lambda actor: actor.role in roles, lambda: _("Trang này dành cho vai trò khác."))


def centre_required(view: View) -> View:
    """Whoever may see the whole city: the board, alerts, indicators."""
    return _guarded(policy.may_see_centre, lambda: _("Trang này dành cho trung tâm điều hành."))(view)
