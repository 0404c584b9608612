"""The public register of automatic aids (Law 134/2025/QH15): what every installed service declares, as a page and as data."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.formats import localize
from django.utils.functional import Promise
from django.views.decorators.http import require_safe

from vonglau.core.seams import Aid, services
from vonglau.services.field_reports.options import AI_ASSESSMENT
from vonglau.services.field_reports.public import pages


def aids() -> Sequence[Aid]:
    return [aid for service in services() if service.aids for aid in service.aids()]


def _assessment() -> str:
    """Only an address that a browser may safely open."""
    address = AI_ASSESSMENT.value()
    return address if address.startswith(("https://", "http://")) else ""


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    shown = [
        (aid, [(one.what, f"{localize(round(one.share * 100, 1))} %", one.on) for one in aid.measured])
        for aid in aids()
    ]
    return pages.show(request, "ai", pages.world_shown(), {"aids": shown, "assessment": _assessment()})


@require_safe
def data(_request: HttpRequest) -> JsonResponse:
    """In the language that was asked for."""
    body = {"items": [_plain(aid) for aid in aids()], "impact_assessment": _assessment() or None, "next": None}
    return JsonResponse(body, json_dumps_params={"ensure_ascii": False})


def _plain(told: Any) -> Any:
    """Texts in the active language, tuples as lists, dataclasses as objects."""
    if isinstance(told, Promise):
        return str(told)
    if isinstance(told, (list, tuple)):
        return [_plain(one) for one in told]
    if hasattr(told, "__dataclass_fields__"):
        return {field.name: _plain(getattr(told, field.name)) for field in fields(told)}
    return told
