"""Addresses below `/api/`. `POST /api/events` and `GET /api/stream` never come here: the door serves them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.utils import translation

from vonglau.gateways.json.api import api
from vonglau.gateways.json.reference import reference
from vonglau.kit import problems

View = Callable[..., HttpResponseBase]


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


_patterns, _app, _namespace = api.urls
for _pattern in _patterns:
    if isinstance(_pattern, URLPattern):
        _pattern.callback = problems.as_problems(for_programs(_pattern.callback))

urlpatterns = [
    path("docs", reference, name="api_reference"),
    path("", (_patterns, _app, _namespace)),
    re_path(r"", problems.not_found),
]
