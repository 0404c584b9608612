"""Addresses below `/api/`. `POST /api/events` and `GET /api/stream` never come here: the door serves them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.utils import translation

from vonglau.gateways.json import fragments
from vonglau.gateways.json.api import PREFIX, api
from vonglau.gateways.json.reference import reference
from vonglau.kit import problems

View = Callable[..., HttpResponseBase]

DOOR = f"{PREFIX}/events"
"""Read here, written at the door."""


def for_programs(view: View) -> View:
    """Programs read English unless they ask for Vietnamese; people keep the language of their session."""

    @wraps(view)
    def spoken(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if "Authorization" not in request.headers:
            return view(request, *args, **kwargs)
        asked = request.headers.get("Accept-Language", "")
        with translation.override("vi" if asked.lower().startswith("vi") else "en"):
            return view(request, *args, **kwargs)

    return spoken


def with_door(view: View, address: str) -> View:
    """In `Allow`, besides the view's own methods, those that the door serves at the same address."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answered = view(request, *args, **kwargs)
        if answered.status_code == 405:
            answered["Allow"] = fragments.methods(api.get_openapi_schema(), address)
        return answered

    told.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
    return told


_patterns, _app, _namespace = api.urls
for _pattern in _patterns:
    if isinstance(_pattern, URLPattern):
        _view = problems.as_problems(for_programs(_pattern.callback))
        _pattern.callback = with_door(_view, DOOR) if str(_pattern.pattern) == "events" else _view

urlpatterns = [
    path("docs", reference, name="api_reference"),
    path("", (_patterns, _app, _namespace)),
    re_path(r"", problems.not_found),
]
