"""The one variable `shell` of every page: place, world, navigation, account, addresses. Described at the top of kit/base.html.

Pages of the centre come from the rooms named in `settings.VONGLAU_NAVIGATION`, a service's own from its manifest. A page stands in the
navigation of the roles it names; the first five of a role are the rail, the rest the menu;
what is ordered from 80 on (one's own account) is always in the menu.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from vonglau.core.errors import VongLauError
from vonglau.core.people import policy
from vonglau.core.people.models import User
from vonglau.core.people.policy import Actor
from vonglau.core.places.models import Locality
from vonglau.core.seams import Text, services
from vonglau.core.worlds import World
from vonglau.kit import guards, hub

RAIL = 5
MENU_FROM = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An entry of the navigation."""

    title: Text
    url_name: str
    roles: frozenset[str]
    icon: str = "list"
    key: str = ""
    """The letter after `g` that goes there."""
    order: int = 50
    count: Callable[[World, Actor], int | None] | None = field(default=None)
    """What waits there, for the badge; asked at every page, so it must be one indexed query."""


@cache
def navigation() -> tuple[Place, ...]:
    """Every entry, in order: the rooms' own, then the services'."""
    own: list[Place] = [place for path in settings.VONGLAU_NAVIGATION for place in import_string(path)]
    declared = [
        Place(
            title=page.title, url_name=page.url_name, roles=page.roles, icon=page.icon, key=page.key, order=page.order
        )
        for service in services()
        for page in service.pages
    ]
    return tuple(sorted([*own, *declared], key=lambda place: place.order))


@cache
def address(name: str) -> str:
    """The address of a named page; "" where the installation has none."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _entry(place: Place, request: HttpRequest, world: World, actor: Actor) -> dict[str, Any]:
    url = address(place.url_name)
    here = request.path == url or (url not in ("", "/") and request.path.startswith(url))
    return {
        "title": place.title,
        "url": url,
        "icon": place.icon,
        "key": place.key,
        "current": here,
        "count": place.count(world, actor) if place.count else None,
    }


def _worlds(current: World) -> list[dict[str, Any]]:
    return [
        {
            "id": one.pk,
            "kind": one.kind,
            "title": _title(one),
            "url": reverse("world", args=[one.pk]),
            "current": one.pk == current.pk,
        }
        for one in guards.worlds()
    ]


def _title(world: World) -> str:
    return world.title_en if (get_language() or "vi").startswith("en") else world.title_vi


@cache
def _locality(code: str) -> tuple[str, str]:
    """Short names of a locality in force: (Vietnamese, English)."""
    found = Locality.objects.filter(code=code, valid_to=None).first()
    return (found.short_name_vi, found.name_en) if found else ("", "")


def _account(request: HttpRequest) -> dict[str, str] | None:
    user = getattr(request, "user", None)
    if not isinstance(user, User) and not (user is not None and user.is_authenticated):
        return None
    english = (get_language() or "vi").startswith("en")
    agency = user.agency
    return {
        "name": user.get_full_name() or user.username,
        "role": user.get_role_display(),
        "agency": (agency.name_en if english else agency.name_vi) if agency else "",
    }


def page(request: HttpRequest) -> dict[str, Any]:
    """The context processor. A page of who is not signed in, or of an installation without a world, gets a bare shell."""
    actor: Actor | None = getattr(request, "actor", None)
    account = _account(request)
    links = {
        "home": "/",
        "sign_in": address("account_login"),
        "sign_out": address("account_logout"),
        "language": address("language"),
        "find": address("centre:find") if account else "",
    }
    theme = request.COOKIES.get("vl_theme", "")
    shell: dict[str, Any] = {
        "place": "",
        "nav": [],
        "more": [],
        "worlds": [],
        "account": account,
        "theme": theme if theme in ("light", "dark") else "",
        "stream": "",
        "position": None,
        "links": links,
        "world": {
            "id": "live",
            "kind": "live",
            "title": "",
            "now": datetime.now(UTC),
            "rate": 1.0,
        },
    }
    try:
        world: World | None = getattr(request, "world", None)
        if world is None or actor is None or account is None or request.session.get(guards.ENROL):
            return {"shell": shell}
        shell.update(_inside(request, world, actor))
    except VongLauError:
        shell["account"] = None
    return {"shell": shell}


def _inside(request: HttpRequest, world: World, actor: Actor) -> dict[str, Any]:
    mine = [place for place in navigation() if actor.role in place.roles and address(place.url_name)]
    rail = [place for place in mine if place.order < MENU_FROM][:RAIL]
    follows = policy.may_see_centre(actor) or actor.role == "agency"
    vi, en = _locality(world.locality)
    return {
        "place": en if (get_language() or "vi").startswith("en") else vi,
        "nav": [_entry(place, request, world, actor) for place in mine if place in rail],
        "more": [_entry(place, request, world, actor) for place in mine if place not in rail],
        "worlds": _worlds(world),
        "stream": f"/api/stream?world={world.pk}" if follows else "",
        "position": hub.newest() if follows else None,
        "world": {"id": world.pk, "kind": world.kind, "title": _title(world), "now": world.now(), "rate": world.rate},
    }
