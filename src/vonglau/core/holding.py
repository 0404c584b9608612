"""Notices that wait for a person: after a restore nobody knows which of them have gone out already.

A held notice is never sent by itself. A person releases it, or drops it because its recipient was told: here, or
on the page of notices.
"""

from collections.abc import Callable

from django.db.models import QuerySet

from vonglau.core.errors import NotFound
from vonglau.core.notify import outbox
from vonglau.core.notify_models import Notice, NoticeState

Act = Callable[["QuerySet[Notice]", str, str], int]
ROLE = "administrator"
_WAITING = (NoticeState.PENDING, NoticeState.SENDING)


def hold() -> int:
    """Hold everything that is not delivered yet. Returns how many. Nothing may be sending meanwhile."""
    return Notice.objects.filter(state__in=_WAITING).update(state=NoticeState.HELD)


def held() -> list[Notice]:
    """Oldest first."""
    return list(Notice.objects.filter(state=NoticeState.HELD).order_by("created_at", "pk"))


def release(by: str, keys: list[str] | None = None) -> int:
    """Let them go out, or those of these keys, with as much time as a new one has. Raises `NotFound` for a key that is not held."""
    return _all(outbox.retry, by, keys)


def drop(by: str, keys: list[str] | None = None) -> int:
    """Never send them: their recipients know. They are kept as discarded."""
    return _all(outbox.discard, by, keys)


def _all(act: Act, by: str, keys: list[str] | None) -> int:
    """What the page of notices does, audited as there, as often as it takes."""
    rows = Notice.objects.filter(state=NoticeState.HELD)
    if keys is not None:
        missing = set(keys) - set(rows.filter(key__in=keys).values_list("key", flat=True))
        if missing:
            raise NotFound(f"No notice {sorted(missing)[0]!r} is held; `vonglau held list` names those that are.")
        rows = rows.filter(key__in=keys)
    done = 0
    while some := act(rows.all(), by, ROLE):
        done += some
    return done
