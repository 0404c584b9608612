"""The states of a notice and every step between them. Each step is one transaction; a send lies between two of them.

Safe with several senders: on PostgreSQL a claim locks its rows and skips those of others (READ COMMITTED re-reads a row that changed
while it waited), on SQLite transactions are IMMEDIATE, hence one after the other. What a late sender records is fenced by the attempt's
number: after its claim was taken for dead and given to another, its answer changes nothing.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.notify.channel import Delivered, NotDelivered, Schedule
from vonglau.core.notify_models import Endpoint, Notice, NoticeAttempt, NoticeState, PushDevice

LEASE = timedelta(minutes=2)
"""A send that has not come back by then belongs to a process that died. Well above every channel's own time-outs."""
KEPT = timedelta(days=30)
"""How long delivered, cancelled and discarded notices can be looked up; failed ones stay until a person settles them."""
LOGGED = 25
"""Attempts kept of each notice."""

SCHEDULES: dict[str, Schedule] = {
    "email": Schedule(first=30, most=2 * 3600, horizon=timedelta(hours=24)),
    "webhook": Schedule(first=5, most=4 * 3600, horizon=timedelta(hours=72)),
    "push": Schedule(first=10, most=15 * 60, horizon=timedelta(hours=4)),
    "citizen-email": Schedule(first=60, most=2 * 3600, horizon=timedelta(hours=48)),
    "citizen-push": Schedule(first=30, most=3600, horizon=timedelta(hours=24)),
    "citizen-webhook": Schedule(first=10, most=4 * 3600, horizon=timedelta(hours=48)),
    "sms": Schedule(first=30, most=1800, horizon=timedelta(hours=12)),
    "zalo": Schedule(first=30, most=1800, horizon=timedelta(hours=12)),
}
"""How long each channel tries. A push that is hours late only disturbs; a programme may be down over a weekend."""

PENDING, SENDING = NoticeState.PENDING, NoticeState.SENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A notice to be written. `key`: what causes it, and for whom; the same key again changes nothing."""

    key: str
    world: str
    kind: str
    channel: str
    recipient: str
    subject: str
    body: str
    about: str = ""
    lane: str = ""
    endpoint: Endpoint | None = None
    device: PushDevice | None = None
    not_before: datetime | None = None


def queue(drafts: Iterable[Draft]) -> None:
    """Write notices, in the transaction of what causes them."""
    now = timezone.now()
    rows = []
    for draft in drafts:
        due = max(now, draft.not_before) if draft.not_before else now
        rows.append(
            Notice(
                key=draft.key,
                world=draft.world,
                kind=draft.kind,
                channel=draft.channel,
                lane=draft.lane or draft.channel,
                recipient=draft.recipient[:254],
                endpoint=draft.endpoint,
                device=draft.device,
                subject=draft.subject[:300],
                body=draft.body,
                about=draft.about,
                next_at=due,
                expires_at=due + SCHEDULES[draft.channel].horizon,
                created_at=now,
            )
        )
    if rows:
        Notice.objects.bulk_create(rows, ignore_conflicts=True)


PAUSED = "The work was paused before this was sent."


def acknowledged(about: str, kinds: Iterable[str] | None = None, why: str = "") -> int:
    """Stop what is moot now. Runs in the transaction of the acknowledgement; returns how many rows it reached.

    What has not begun is cancelled. What is being sent may finish, but is not begun again, whatever comes of it. One statement, so
    that no row can slip from one state into the other between two of them. `why` PAUSED: `kept_back` finds it again.
    """
    rows = Notice.objects.filter(about=about)
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    if why != PAUSED:  # what a pause kept back is moot for good
        rows.filter(state=NoticeState.CANCELLED, error=PAUSED).update(error="")
    cancelled = When(state=PENDING, then=Value(NoticeState.CANCELLED.value))
    said = Value(why) if why else F("error")
    rows = rows.filter(state__in=(PENDING, SENDING))
    return rows.update(stop=True, state=Case(cancelled, default=F("state")), error=said)


def kept_back(about: str) -> dict[str, list[str]]:
    """What a pause stopped before it went: keys by kind, each given once. A send that still runs may begin again after all."""
    Notice.objects.filter(about=about, state=SENDING, error=PAUSED).update(stop=False, error="")
    rows = Notice.objects.select_for_update().filter(about=about, state=NoticeState.CANCELLED, error=PAUSED)
    found: dict[str, list[str]] = {}
    for kind, key in rows.order_by("pk").values_list("kind", "key"):
        found.setdefault(kind, []).append(key)
    rows.update(error="")
    return found


def due(lane: str, now: datetime) -> "QuerySet[Notice]":
    """What waits in a lane and may go, the oldest due first: one range of the index (state, lane, next_at, id)."""
    return Notice.objects.filter(state=PENDING, lane=lane, next_at__lte=now).order_by("next_at", "id")


def claim(lanes: Sequence[tuple[str, int]], now: datetime) -> list[Notice]:
    """Take up to so many of each lane, durably, before anything leaves the house.

    A row that another sender is claiming is skipped, not waited for. The attempt is written with the claim: what a process that dies
    was doing can be seen afterwards.
    """
    skips = connection.features.has_select_for_update_skip_locked
    found: list[Notice] = []
    with transaction.atomic():
        for lane, most in lanes:
            found += due(lane, now).select_for_update(skip_locked=skips)[:most]
        for notice in found:
            notice.state, notice.attempts, notice.next_at = SENDING, notice.attempts + 1, now + LEASE
        ids = [notice.pk for notice in found]
        Notice.objects.filter(pk__in=ids).update(state=SENDING, attempts=F("attempts") + 1, next_at=now + LEASE)
        NoticeAttempt.objects.bulk_create(
            NoticeAttempt(notice=notice, n=notice.attempts, began_at=now) for notice in found
        )
        long = [notice for notice in found if notice.attempts > LOGGED]
        for notice in long:
            NoticeAttempt.objects.filter(notice=notice, n__lte=notice.attempts - LOGGED).delete()
    return found


def still_wanted(notice: Notice) -> bool:
    """Asked right before it leaves: an acknowledgement may have committed since the claim. From here on the send has begun."""
    mine = Notice.objects.filter(pk=notice.pk, state=SENDING, attempts=notice.attempts)
    if mine.filter(stop=False).exists():
        return True
    with transaction.atomic():
        if mine.update(state=NoticeState.CANCELLED):
            _ended(notice, "stopped", timezone.now())
    return False


def _ended(notice: Notice, outcome: str, at: datetime, status: int | None = None, words: str = "") -> None:
    NoticeAttempt.objects.filter(notice=notice, n=notice.attempts).update(
        ended_at=at, outcome=outcome, status=status, words=words[:300]
    )


def record_delivered(notice: Notice, answer: Delivered, now: datetime) -> bool:
    """Inside a transaction. False: the claim was given to another meanwhile, and what that one records counts."""
    mine = Notice.objects.filter(pk=notice.pk, state=SENDING, attempts=notice.attempts)
    if not mine.update(state=NoticeState.DELIVERED, delivered_at=now, error=""):
        return False
    _ended(notice, "delivered", now, answer.status, answer.words)
    return True


def record_failed(notice: Notice, problem: NotDelivered, now: datetime, chance: float | None = None) -> bool:
    """Inside a transaction: later again, or failed for good, or not at all when it was acknowledged meanwhile."""
    mine = Notice.objects.filter(pk=notice.pk, state=SENDING, attempts=notice.attempts)
    schedule = SCHEDULES[notice.channel]
    wait = schedule.delay(notice.attempts - notice.attempts_before, random.random() if chance is None else chance)  # noqa: S311
    next_at = now + timedelta(seconds=max(wait, min(problem.retry_after or 0.0, schedule.horizon.total_seconds())))
    over = problem.final or next_at > notice.expires_at
    then = NoticeState.CANCELLED if problem.moot else NoticeState.FAILED if over else PENDING
    moot = When(stop=True, then=Value(NoticeState.CANCELLED.value))
    words = problem.message[:300]
    said = Case(When(stop=True, error=PAUSED, then=F("error")), default=Value(words))
    if not mine.update(state=Case(moot, default=Value(then.value)), next_at=next_at, error=said):
        return False
    _ended(notice, "failed", now, problem.status_code, words)
    return True


def recover(now: datetime) -> int:
    """Sends that never came back are uncertain: sent again under the same key, or failed when their horizon has passed."""
    found = 0
    for notice in Notice.objects.filter(state=SENDING, next_at__lte=now).order_by("pk")[:500]:
        with transaction.atomic():
            mine = Notice.objects.filter(pk=notice.pk, state=SENDING, attempts=notice.attempts, next_at__lte=now)
            then = Case(
                When(stop=True, then=Value(NoticeState.CANCELLED.value)),
                When(expires_at__lt=now, then=Value(NoticeState.FAILED.value)),
                default=Value(PENDING.value),
            )
            said = Case(When(stop=True, error=PAUSED, then=F("error")), default=Value(UNCERTAIN))
            if mine.update(state=then, next_at=now, uncertain=F("uncertain") + 1, error=said):
                _ended(notice, "uncertain", now, words=UNCERTAIN)
                found += 1
    return found


def doubt() -> int:
    """What waits may have gone out already, because the state went back to an earlier moment: it is sent all the same, under the same
    key, and marked as uncertain. Returns how many. Nothing may be sending meanwhile."""
    return Notice.objects.filter(state=PENDING).update(uncertain=F("uncertain") + 1, error=FORGOTTEN)


FORGOTTEN = "Whether this was sent is not known any more: a damaged file held that."
UNCERTAIN = "The sender ended before it knew whether this arrived."
NEVER_TRIED = "Its time ran out before it could be sent."


def expire(now: datetime, limit: int = 1000) -> int:
    """What waited beyond its horizon (behind an endpoint that never answered, or is paused) fails visibly."""
    late = Notice.objects.filter(state=PENDING, expires_at__lt=now).order_by("expires_at").values_list("pk", flat=True)
    ids = list(late[:limit])
    rows = Notice.objects.filter(pk__in=ids, state=PENDING)
    said = Case(When(error="", then=Value(NEVER_TRIED)), default=F("error"))
    return rows.update(state=NoticeState.FAILED, error=said) if ids else 0


def prune(now: datetime, limit: int = 2000) -> int:
    """Forget what is long settled. Failed ones stay until a person retries or discards them."""
    settled = (NoticeState.DELIVERED, NoticeState.CANCELLED, NoticeState.DISCARDED)
    old = Notice.objects.filter(state__in=settled, expires_at__lt=now - KEPT).values_list("pk", flat=True)
    return Notice.objects.filter(pk__in=list(old[:limit])).delete()[0]


# what a person does with one

RETRYABLE = (NoticeState.FAILED, NoticeState.DISCARDED, NoticeState.CANCELLED, NoticeState.HELD)
DISCARDABLE = (NoticeState.FAILED, PENDING, NoticeState.HELD)


def retry(rows: "QuerySet[Notice]", by: str, role: str) -> int:
    """Try again, at once and with a fresh horizon, under the same key. What was discarded by mistake comes back this way too."""
    return _by_hand(rows.filter(state__in=RETRYABLE), "retry", by, role)


def discard(rows: "QuerySet[Notice]", by: str, role: str) -> int:
    """Give up: it is not sent any more, and still seen. What is being sent just now is left to come back first."""
    return _by_hand(rows.filter(state__in=DISCARDABLE), "discard", by, role)


BULK = 500
"""Notices of one action; more are done by pressing again."""


@transaction.atomic
def _by_hand(rows: "QuerySet[Notice]", step: str, by: str, role: str) -> int:
    now = timezone.now()
    done = 0
    for notice in rows.select_for_update().order_by("pk")[:BULK]:
        before = notice.state
        if step == "retry":
            notice.state, notice.next_at, notice.stop = PENDING, now, False
            notice.expires_at = now + SCHEDULES[notice.channel].horizon
            notice.attempts_before = notice.attempts
        else:
            notice.state = NoticeState.DISCARDED
        notice.save(update_fields=["state", "next_at", "stop", "expires_at", "attempts_before"])
        body: dict[str, Any] = {"at": now.isoformat(), "who": by, "role": role, "step": step, "from": before}
        audit.record(f"notice/{notice.pk}", body)
        done += 1
    return done
