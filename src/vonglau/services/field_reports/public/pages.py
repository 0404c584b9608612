"""What every page of citizens shares: its frame, its world, and whether a form came from one of our own pages."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from vonglau.core.people.policy import Actor
from vonglau.core.places.models import Locality
from vonglau.core.worlds import World
from vonglau.kit import guards

REPORTER = Actor("web", "reporter")
"""Who acts on a page without an account: in the chain a citizen has no name."""

View = Callable[..., HttpResponse]


def world_shown() -> World:
    """Citizens see one world: the drill while the demonstration serves, else the live one."""
    return guards.default_world()


def english() -> bool:
    return (get_language() or "vi").startswith("en")


def spoken() -> str:
    """vi | en"""
    return "en" if english() else "vi"


def _place(world: World) -> str:
    found = Locality.objects.filter(code=world.locality, valid_to=None).first() if world.locality else None
    return "" if found is None else (found.name_en if english() else found.short_name_vi)


def show(
    request: HttpRequest, template: str, world: World, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A page in the citizens' frame. Rendered without the request's own context: no session is read, so no cookie is set."""
    theme = request.COOKIES.get("vl_theme", "")
    shell = {
        "place": _place(world),
        "theme": theme if theme in ("light", "dark") else "",
        "world": {
            "id": world.pk,
            "kind": world.kind,
            "title": world.title_en if english() else world.title_vi,
            "now": world.now(),
            "rate": world.rate,
        },
    }
    own = {"shell": shell, "path": request.path, "language": spoken()}
    page = HttpResponse(
        render_to_string(f"field_reports/public/{template}.html", {**(context or {}), **own}), status=status
    )
    page["Vary"] = "Cookie"
    return page


def asked_again(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """An answer that anybody may keep and nobody may use without asking: what is hidden is gone with the next question, and what has
    not changed costs no bytes (`ETag`, 304)."""
    answer["Cache-Control"] = "public, no-cache"
    answer["ETag"] = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    return get_conditional_response(request, answer["ETag"], None, answer) or answer


def from_here(request: HttpRequest, *, secret: bool = False) -> bool:
    """Whether a browser sends this from one of our own pages. There is no cookie that another site could make use of; programmes pass.

    `secret`: its address holds one, which no other site knows. Such a page sends no referrer, so its forms come with `Origin: null`.
    """
    fetched = request.headers.get("Sec-Fetch-Site", "")
    if fetched:
        return fetched in ("same-origin", "none")
    origin = request.headers.get("Origin", "")
    if not origin or (secret and origin == "null"):
        return True
    ours = {request.get_host(), urlsplit(settings.VONGLAU_ORIGIN).netloc}
    return urlsplit(origin).netloc in ours - {""}


def from_our_pages(view: View) -> View:
    """Instead of a token in a cookie: a form that another site sends is refused."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not from_here(request, secret="token" in kwargs):
            words = _("Biểu mẫu này được gửi từ trang khác. Hãy mở trang này rồi gửi lại; chưa có gì được ghi.")
            return show(request, "said", world_shown(), {"title": _("Chưa nhận"), "words": words}, status=403)
        return view(request, *args, **kwargs)

    return guarded
