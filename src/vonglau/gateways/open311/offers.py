"""What is offered, where and in which formats: discovery, the services, and what each of them asks."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from vonglau.core.facts import Attribute, Category, categories, category_groups
from vonglau.gateways.open311 import keys, tickets
from vonglau.gateways.open311.formats import Answer, Refused, georeport, respond

CHANGED = datetime(2026, 11, 25, tzinfo=UTC)
"""When this interface last changed in a way that its callers notice."""

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"


def language() -> str:
    return get_language() or "vi"


def known_service(code: str) -> Category:
    found = categories().get(code)
    if found is None:
        raise Refused(404, f"There is no service_code {code[:60]}.")
    return found


@georeport("GET", "HEAD")
def discovery(request: HttpRequest, format: str) -> HttpResponse:
    base = request.build_absolute_uri("/open311/v2")
    told = {
        "changeset": CHANGED,
        "contact": settings.DEFAULT_FROM_EMAIL,
        "key_service": _("Khóa là một mã truy cập có quyền reports:write; xin ở quản trị viên của trung tâm."),
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": base,
                "changeset": CHANGED,
                "type": "test" if settings.VONGLAU_DEMO else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }
    return respond(format, Answer("discovery", "", [told], alone=True))


def _service(category: Category) -> dict[str, Any]:
    return {
        "service_code": category.code,
        "service_name": category.name[language()],
        "description": category.description[language()],
        "metadata": bool(category.attributes),
        "type": "batch" if tickets.seconds() else "realtime",
        "keywords": ",".join(category.keywords),
        "group": category_groups()[category.group].name[language()],
    }


@georeport("GET", "HEAD")
def services(request: HttpRequest, format: str) -> HttpResponse:
    keys.offering(request)
    return respond(format, Answer("services", "service", [_service(one) for one in categories().values()]))


@georeport("GET", "HEAD")
def definition(request: HttpRequest, code: str, format: str) -> HttpResponse:
    keys.offering(request)
    asked = known_service(code).attributes
    told = {"service_code": code, "attributes": [_question(n, one) for n, one in enumerate(asked, 1)]}
    return respond(format, Answer("service_definition", "", [told], alone=True))


def _question(order: int, question: Attribute) -> dict[str, Any]:
    told: dict[str, Any] = {
        "variable": question.variable,
        "code": question.code,
        "datatype": question.datatype,
        "required": question.required,
        "datatype_description": question.hint[language()] if question.hint else None,
        "order": order,
        "description": question.name[language()],
    }
    if question.values:
        told["values"] = [{"key": one.key, "name": one.name[language()]} for one in question.values]
    return told
