"""A city with an API: every answer is checked against the OpenAPI document that describes it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker

from vonglau.core.people.models import User
from vonglau.core.tests import factories
from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.gateways.json.api import api
from vonglau.kit import tokens
from vonglau.kit.documents import MEDIA_TYPE

Ask = Callable[..., Any]

DOCUMENT = json.loads(json.dumps(api.get_openapi_schema()))


def described(method: str, path: str) -> dict[str, Any] | None:
    """The operation that an address belongs to."""
    parts = path.strip("/").split("/")
    for address, operations in DOCUMENT["paths"].items():
        named = address.strip("/").split("/")
        if len(named) == len(parts) and all(a == b or a[:1] == "{" for a, b in zip(named, parts, strict=True)):
            return operations.get(method.lower())
    return None


def check(method: str, path: str, answer: Any) -> None:
    """The answer is what the document promises: the shape of its status, or a problem."""
    operation = described(method, path)
    if answer.status_code >= 400:
        assert answer["Content-Type"].startswith(MEDIA_TYPE), answer.content[:200]
        schema = {"$ref": "#/components/schemas/Problem"}
        assert answer.json()["status"] == answer.status_code
    else:
        assert operation is not None
        schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(answer.json())


@pytest.fixture
def city(db: None, settings: Any, tmp_path: Path) -> None:
    """Live and a drill whose clock stands at Monday, 08:00."""
    settings.VONGLAU_DATA = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.VONGLAU_DOOR = ""
    cache.clear()
    factories.live()
    ensure_world(
        "drill-1", WorldKind.DRILL, "48", "Diễn tập", "Drill",
        clock_start=factories.MONDAY, clock_set_at=datetime.now(UTC), clock_rate=0.0,
    )  # fmt: skip


@pytest.fixture
def ask(city: None) -> Ask:
    """ask("GET", "/api/incidents", state="open"): as a token of the drill with the given scopes."""
    minted: dict[tuple[str, str], str] = {}

    def send(
        method: str,
        path: str,
        body: Any = None,
        *,
        scopes: str = "read",
        in_world: str = "drill-1",
        client: Client | None = None,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
        **query: Any,
    ) -> Any:
        sent = dict(headers or {})
        if client is None:
            key = (scopes, in_world)
            if key not in minted:
                minted[key] = tokens.mint(f"t{len(minted)}", scopes.split(","), in_world)[0]
            sent.setdefault("Authorization", f"Bearer {minted[key]}")
        arguments: dict[str, Any] = {"query_params": query, "headers": sent}
        if body is not None:
            arguments |= {"data": body, "content_type": content_type}
        answer = (client or Client()).generic(method, path, **_encoded(arguments))
        check(method, path, answer)
        return answer

    return send


def _encoded(arguments: dict[str, Any]) -> dict[str, Any]:
    data = arguments.get("data")
    if data is not None and not isinstance(data, (bytes, str)):
        arguments["data"] = json.dumps(data, default=str)
    return arguments


@pytest.fixture
def account(city: None) -> Callable[..., Client]:
    """account("operator") → a signed-in browser that looks at the drill."""

    def signed(role: str, *, agency: Any = None, csrf: bool = False) -> Client:
        user = User.objects.create(username=f"{role}-{User.objects.count()}", role=role, agency=agency)
        client = Client(enforce_csrf_checks=csrf)
        client.force_login(user)
        session = client.session
        session["world"] = "drill-1"
        session.save()
        return client

    return signed
