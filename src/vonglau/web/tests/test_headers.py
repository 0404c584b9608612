"""What every page and every answer carries, found by walking the addresses there are: a new page cannot forget it."""

import logging
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from vonglau.core.people.models import User
from vonglau.core.tests import factories
from vonglau.core.worlds import World

POLICY = ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'")


def addresses(patterns: list[URLPattern | URLResolver] | None = None, before: str = "/") -> Iterator[str]:
    """Every address that needs no argument."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        part = str(one.pattern)
        if "<" in part or "(" in part or part.startswith("^"):
            continue
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, before + part)
        else:
            yield before + part


@pytest.fixture
def administrator(db: None) -> Client:
    factories.live()
    client = Client()
    client.force_login(User.objects.create(username="quan-tri", role="administrator"))
    return client


def test_every_page_is_closed_to_frames_foreign_code_and_caches(administrator: Client) -> None:
    pages = 0
    for address in addresses():
        for client in (administrator, Client()):
            if address in ("/accounts/logout/", "/api/stream"):
                continue
            answer = client.get(address)
            assert answer.status_code != 500, address
            assert answer["X-Content-Type-Options"] == "nosniff", address
            assert answer["Referrer-Policy"] == "same-origin", address
            assert answer["Cross-Origin-Opener-Policy"] == "same-origin", address
            assert answer["X-Frame-Options"] == "DENY", address
            for rule in POLICY:
                assert rule in answer["Content-Security-Policy"], address
            assert "unsafe" not in answer["Content-Security-Policy"], address
            if answer["Content-Type"].startswith("text/html") and answer.status_code == 200:
                pages += 1
                kept = answer.get("Cache-Control", "")
                if "public" in kept:  # the same for everybody who has signed in nowhere, and asked for again each time
                    assert client is not administrator, address
                    assert "max-age=0" in kept, address
                    assert "Cookie" in answer["Vary"], address
                    assert not answer.cookies, address
                else:
                    assert "no-store" in kept or "private" in kept, f"{address} may be kept: {kept!r}"
            answer.close()
    assert pages > 20


def test_who_is_refused_stands_in_the_log_without_the_arguments(
    db: None, caplog: pytest.LogCaptureFixture, live: World
) -> None:
    client = Client()
    client.force_login(User.objects.create(username="lan", role="operator"))
    with caplog.at_level(logging.WARNING, "vonglau.access"):
        assert client.get("/administration/people/?q=secret").status_code == 403
        assert client.get("/api/worlds", headers={"Authorization": "Bearer vl_nobody"}).status_code == 401
        assert Client().get("/api/worlds").status_code == 401  # without a token it is no attempt
    told = [vars(one) for one in caplog.records if one.message == "refused"]
    assert [(one["status"], one["who"]) for one in told] == [(403, "lan"), (401, "")]
    assert "secret" not in repr(told)


@pytest.fixture
def live(db: None) -> World:
    return factories.live()
