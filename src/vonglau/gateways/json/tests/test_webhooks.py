"""Webhooks over the API: who may, what is shown, and that a token stays in its world."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from vonglau.core.notify_models import Endpoint, Notice
from vonglau.gateways.json.tests.conftest import Ask

pytestmark = pytest.mark.django_db

GOOD = {"name": "Kho", "url": "https://hooks.example.org/a", "types": ["vn.vonglau.incident.*"]}
SCOPES = "webhooks:write,read"


@pytest.fixture(autouse=True)
def _secrets(settings: Any, tmp_path: Any) -> None:
    settings.VONGLAU_SECRETS = tmp_path / "secrets"


def test_a_token_makes_one_in_its_own_world_and_sees_the_secret_once(ask: Ask) -> None:
    made = ask("POST", "/api/webhooks", GOOD, scopes=SCOPES)
    assert made.status_code == 201
    body = made.json()
    assert body["secret"].startswith("whsec_")
    assert (body["world"], body["agency"]) == ("drill-1", None)
    assert Endpoint.objects.get().token is not None
    listed = ask("GET", "/api/webhooks", scopes=SCOPES).json()
    assert [one["id"] for one in listed["items"]] == [body["id"]]
    assert "secret" not in listed["items"][0]
    assert ask("GET", "/api/webhooks", scopes=SCOPES, in_world="live").json()["items"] == []
    assert ask("GET", f"/api/webhooks/{body['id']}", scopes=SCOPES, in_world="live").status_code == 404


def test_its_life(ask: Ask) -> None:
    made = ask("POST", "/api/webhooks", GOOD, scopes=SCOPES).json()
    address = f"/api/webhooks/{made['id']}"
    assert ask("POST", f"{address}/test", scopes=SCOPES).status_code == 202
    assert Notice.objects.get().kind == "test"
    assert ask("POST", f"{address}/rotate", scopes=SCOPES).json()["secret"] != made["secret"]
    assert ask("POST", f"{address}/pause", scopes=SCOPES).json()["paused_why"] == "hand"
    assert ask("POST", f"{address}/test", scopes=SCOPES).status_code == 409
    assert ask("POST", f"{address}/resume", scopes=SCOPES).json()["paused_at"] is None
    assert ask("DELETE", address, scopes=SCOPES).status_code == 200
    assert ask("GET", address, scopes=SCOPES).status_code == 404


@pytest.mark.parametrize("scopes", ["read", "webhooks:write", "incidents:write,read"])
def test_both_scopes_are_needed(ask: Ask, scopes: str) -> None:
    assert ask("POST", "/api/webhooks", GOOD, scopes=scopes).status_code == 403
    assert ask("GET", "/api/webhooks", scopes=scopes).status_code == 403


def test_administrators_may_and_others_not(ask: Ask, account: Callable[..., Client]) -> None:
    assert ask("GET", "/api/webhooks", client=account("administrator")).status_code == 200
    assert ask("GET", "/api/webhooks", client=account("supervisor")).status_code == 403


@pytest.mark.parametrize(
    "bad", [{"url": "ftp://x"}, {"types": ["a b"]}, {"types": []}, {"name": ""}, {"url": "https://u:p@x.example/"}]
)
def test_what_cannot_be_used_is_a_problem_with_a_pointer(ask: Ask, bad: dict[str, Any]) -> None:
    answer = ask("POST", "/api/webhooks", {**GOOD, **bad}, scopes=SCOPES)
    assert answer.status_code in (400, 422)
    assert answer.json()["pointer"].startswith("/")
