from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.tests import factories
from vonglau.kit import tokens
from vonglau.services.field_reports.models import Report

Send = Callable[..., Any]


@pytest.fixture
def key(db: None) -> str:
    """A live token that may send reports."""
    factories.live()
    factories.drill()
    return tokens.mint("app", ["reports:write"], "live")[0]


@pytest.fixture
def send(key: str) -> Send:
    """POST a good form with some fields changed (None: left out)."""

    def post(format: str = "json", *, headers: dict[str, str] | None = None, **changed: Any) -> Any:
        fields = {
            "api_key": key,
            "service_code": "street_light",
            "lat": "16.0605",
            "long": "108.2205",
            "description": "Đèn đường tắt <b>từ tối qua</b>",
            "email": "nam@example.vn",
            "phone": "0905123456",
            "first_name": "Nam",
            "address_string": "12 Bạch Đằng",
            "media_url": "https://example.vn/a.jpg",
            **changed,
        }
        form = {name: value for name, value in fields.items() if value is not None}
        return Client().post(f"/open311/v2/requests.{format}", form, headers=headers or {})

    return post


def step(report: Report, name: str, **details: Any) -> Incident:
    """The desk takes a step on the report's incident."""
    return desk.take(report.world, report.incident.ref, name, factories.SUPERVISOR, desk.Details(**details))
