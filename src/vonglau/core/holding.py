"""Notices that wait for a person: after a restore nobody knows which of them have gone out already.

A held notice is never sent by itself. A person releases it, or drops it because its recipient was told.
"""

from django.db.models import F, QuerySet
from django.utils import timezone

from vonglau.core.errors import NotFound
from vonglau.core.notify_models import Notice, NoticeState

_WAITING = (NoticeState.PENDING, NoticeState.SENDING)


def hold() -> int:
    """Hold everything that is not delivered yet. Returns how many. Nothing may be sending meanwhile."""
    return Notice.objects.filter(state__in=_WAITING).update(state=NoticeState.HELD)


def held() -> list[Notice]:
    """Oldest first."""
    return list(Notice.objects.filter(state=NoticeState.HELD).order_by("created_at", "pk"))


def release(keys: list[str] | None = None) -> int:
    """Let them go out, or those of these keys, with as much time as a new one has. Raises `NotFound` for a key that is not held."""
    now = timezone.now()
    return _chosen(keys).update(
        state=NoticeState.PENDING, next_at=now, expires_at=now + (F("expires_at") - F("created_at"))
    )


def drop(keys: list[str] | None = None) -> int:
    """Never send them: their recipients know. They are kept as discarded."""
    return _chosen(keys).update(state=NoticeState.DISCARDED)


def _chosen(keys: list[str] | None) -> "QuerySet[Notice]":
    rows = Notice.objects.filter(state=NoticeState.HELD)
    if keys is None:
        return rows
    missing = set(keys) - set(rows.filter(key__in=keys).values_list("key", flat=True))
    if missing:
        raise NotFound(f"No notice {sorted(missing)[0]!r} is held; `vonglau held list` names those that are.")
    return rows.filter(key__in=keys)
