"""Tokens are shown once, kept as digests, and gone soon after they are revoked."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from vonglau.core import audit
from vonglau.core.errors import BadInput
from vonglau.core.people.models import ApiToken
from vonglau.kit import tokens


@pytest.mark.django_db
def test_only_the_digest_is_kept() -> None:
    text, row = tokens.mint("a", ["read"], "live")
    assert row.digest == hashlib.sha256(text.encode()).hexdigest()
    assert text not in str(vars(row))
    actor = tokens.actor_of(text)
    assert actor is not None
    assert (actor.name, actor.scopes, actor.world) == ("token:a", frozenset({"read"}), "live")


@pytest.mark.django_db
def test_it_is_looked_up_once_in_a_while_and_forgotten_when_revoked() -> None:
    text, row = tokens.mint("a", ["read"], "live")
    with CaptureQueriesContext(connection) as asked:
        for _time in range(5):
            assert tokens.find(text) == row
            assert tokens.find("vl_unknown") is None
            assert tokens.find("not ours") is None
    assert len(asked) == 2
    ApiToken.objects.update(revoked_at=datetime.now(UTC))
    tokens.forget()
    assert tokens.find(text) is None
    assert tokens.actor_of(text) is None


@pytest.mark.django_db
@pytest.mark.parametrize("scopes", [[], ["root"], ["read", "write"]])
def test_unknown_scopes_are_refused(scopes: list[str]) -> None:
    with pytest.raises(BadInput):
        tokens.mint("a", scopes, "live")
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        (b"bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("", None),
        (None, None),
        (b"Bearer \xff", "ÿ"),
    ],
)
def test_a_header_is_read_whatever_it_holds(header: str | bytes | None, token: str | None) -> None:
    assert tokens.bearer(header) == token
    assert len(tokens.digest(token or "")) == 64


@pytest.mark.django_db
def test_rotation_leaves_both_valid_until_the_grace_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = tokens.Bounds(sources=["/a"], addresses=["10.0.0.0/8"], per_second=7)
    old_text, old = tokens.mint("feed", ["events:write"], "live", bounds)
    text, row = tokens.rotate(old, timedelta(hours=24), "admin")
    assert (row.name, row.scopes, row.sources, row.addresses, row.per_second) == (
        "feed",
        ["events:write"],
        ["/a"],
        ["10.0.0.0/8"],
        7,
    )
    assert tokens.find(old_text, "10.1.1.1") is not None
    assert tokens.find(text, "10.1.1.1") == row
    assert tokens.find(text, "11.1.1.1") is None
    later = datetime.now(UTC) + timedelta(hours=25)
    monkeypatch.setattr("vonglau.kit.tokens.timezone.now", lambda: later)
    assert tokens.find(old_text, "10.1.1.1") is None
    assert tokens.find(text, "10.1.1.1") == row
    with pytest.raises(BadInput):
        tokens.rotate(old, timedelta(hours=1), "admin")
    said = [body["step"] for _, body in audit.rows(f"token/{old.pk}")]
    assert said == ["rotate"]
    assert text not in str([body for _, body in audit.rows(f"token/{row.pk}")])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "bounds",
    [
        {"sources": [""]}, {"sources": ["a b"]}, {"sources": ["a" * 300]}, {"addresses": ["10.0.0.0/99"]}, {"addresses": ["x"]},
        {"per_second": 0}, {"more_worlds": ["nowhere"]}, {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
)  # fmt: skip
def test_bounds_that_mean_nothing_are_refused(bounds: dict) -> None:
    with pytest.raises(BadInput):
        tokens.mint("a", ["read"], "live", tokens.Bounds(**bounds))
