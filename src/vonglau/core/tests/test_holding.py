"""Notices held after a restore: nothing goes out until a person says so, and that is in the audit."""

import pytest
from django.utils import timezone

from vonglau.core import holding
from vonglau.core.errors import NotFound
from vonglau.core.models import AuditRow, Notice
from vonglau.core.notify import outbox

pytestmark = pytest.mark.django_db


def notice(key: str, state: str) -> Notice:
    now = timezone.now()
    return Notice.objects.create(
        key=key, world="live", channel="email", recipient="a@example.vn", subject="s", body="", state=state,
        next_at=now, expires_at=now, created_at=now,
    )  # fmt: skip


def states() -> dict[str, str]:
    return dict(Notice.objects.values_list("key", "state"))


def test_what_waits_or_may_have_left_is_held_and_nothing_else() -> None:
    for key, state in (("a", "pending"), ("b", "sending"), ("c", "delivered"), ("d", "failed")):
        notice(key, state)
    assert holding.hold() == 2
    assert states() == {"a": "held", "b": "held", "c": "delivered", "d": "failed"}
    assert outbox.claim([("email", 10)], timezone.now()) == []


def test_a_person_releases_some_and_drops_the_rest() -> None:
    for key in ("a", "b", "c"):
        notice(key, "held")
    with pytest.raises(NotFound, match="nowhere"):
        holding.release("lan", ["a", "nowhere"])
    assert holding.release("lan", ["a"]) == 1
    assert holding.drop("lan") == 2
    assert states() == {"a": "pending", "b": "discarded", "c": "discarded"}
    assert Notice.objects.get(key="a").expires_at > timezone.now()
    assert AuditRow.objects.filter(stream__startswith="notice/").count() == 3
