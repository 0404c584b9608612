"""What is queued for webhooks: changes of incidents and alerts, in the transaction that makes them; events of the log, by a cursor.

Each becomes a CloudEvent 1.0 with a stable id, written once, so that every attempt sends the same bytes.

    vn.vonglau.incident.received, .assigned, …   data: the incident as it stands after the step
    vn.vonglau.alert.changed, .ended             data: the alert
    any other type                               an event of the log, as it was sent

An endpoint hears of its own world and of what its audience may see: the centre all, an agency the incidents in its hands. For events of the
log the log itself is the queue: an endpoint that is slow is simply further behind (`BEHIND`), and the outbox stays small.
"""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from vonglau.core.alert_models import Alert, Cursor
from vonglau.core.events import LIVE, LOST_TYPE, TICK_TYPE, from_us, members
from vonglau.core.incidents.models import Incident
from vonglau.core.log import LogReader
from vonglau.core.notify import outbox
from vonglau.core.notify.outbox import Draft
from vonglau.core.notify_models import Endpoint, Notice, NoticeState

INCIDENT, ALERT, TEST = "vn.vonglau.incident.", "vn.vonglau.alert.", "vn.vonglau.webhook.test"
OURS = (INCIDENT, ALERT, "vn.vonglau.webhook.")
"""Types we make ourselves. An event of the log under one of them is never passed on: it would pass for ours."""

PAST = {
    "receive": "received", "verify": "verified", "refuse": "refused", "merge": "merged", "split": "split", "assign": "assigned",
    "return": "returned", "transfer": "transferred",
    "start": "started", "pause": "paused", "resume": "resumed", "resolve": "resolved", "close": "closed",
    "reopen": "reopened", "level": "releveled", "note": "noted", "worsens": "worsened", "ends": "eased", "evidence": "evidenced",
    "handed_over": "handed_over", "comment": "commented", "escalate": "escalated",
    "mask": "masked", "hide": "hidden", "unhide": "shown", "verdict": "rated", "alike": "likened",
}  # fmt: skip

BEHIND = 500
"""Events of the log that may wait in the outbox for one endpoint."""
AT_ONCE = 5_000
"""Events of the log looked at in one step."""


def matches(types: Sequence[str], type: str) -> bool:
    """Whether a filter names this type: exactly, or by its beginning. What the log says of itself only when asked for exactly."""
    if type in (TICK_TYPE, LOST_TYPE):
        return type in types
    return any(type.startswith(one[:-1]) if one.endswith("*") else type == one for one in types)


def listening(world: str) -> list[Endpoint]:
    """Endpoints of a world that are to be told. Most have none, which is asked in the shortest way."""
    if not Endpoint.objects.filter(world=world, removed_at=None).exists():
        return []
    return list(_active().filter(world=world).select_related("agency").defer("secret", "old_secret"))


def _active() -> "QuerySet[Endpoint]":
    """Not paused nor removed, and the token that made it still valid: a rotation hands its endpoints to the new one."""
    ends = Q(token__expires_at=None) | Q(token__expires_at__gt=timezone.now())
    valid = Q(token=None) | (Q(token__revoked_at=None) & ends)
    return Endpoint.objects.filter(valid, removed_at=None, paused_at=None)


def incident_changed(incident: Incident, step: str, by: str, position: int) -> None:
    """Inside the transaction of the step. `position`: of its change in the change stream, hence unique."""
    type = INCIDENT + PAST.get(step, step)
    told = [one for one in listening(incident.world) if matches(one.types, type) and _may_know(one, incident)]
    if not told:
        return
    event = _event(f"change/{position}", "incidents", type, incident.ref, incident.world, _incident(incident, step))
    outbox.queue(
        _draft(one, f"change/{position}", f"{incident.ref} · {type.removeprefix(INCIDENT)}", event) for one in told
    )


def _may_know(endpoint: Endpoint, incident: Incident) -> bool:
    if endpoint.agency is None:
        return True
    return incident.agency is not None and incident.agency.code == endpoint.agency.code


def alerts_changed(world: str, changed: Iterable[Alert]) -> None:
    """Inside the transaction that stored them."""
    changed = list(changed)
    if not changed:
        return
    centre = [one for one in listening(world) if one.agency is None]
    drafts = []
    for alert in changed if centre else ():
        type = ALERT + ("ended" if alert.ended is not None else "changed")
        cause = f"alert/{alert.identity}/{alert.updated.isoformat()}/{'1' if alert.ended else '0'}{alert.rank}"
        told = [one for one in centre if matches(one.types, type)]
        if told:
            event = _event(cause, "alerts", type, alert.identity, world, _alert(alert))
            drafts += [_draft(one, cause, f"{alert.kind} · {alert.subject}", event) for one in told]
    outbox.queue(drafts)


def follow(reader: LogReader) -> int:
    """Queue events of the log for every endpoint that asked for some and is not too far behind. Returns how many."""
    return sum(_follow(reader, one) for one in _active().filter(agency=None))


def positions() -> list[int]:
    """How far each endpoint has read that hears of the log's events: what lies beyond is still to be queued for it."""
    marks = [f"webhook/{one.pk}" for one in _active().filter(agency=None) if _of_the_log(one)]
    return list(Cursor.objects.filter(pk__in=marks).values_list("position", flat=True))


def _of_the_log(endpoint: Endpoint) -> list[str]:
    return [one for one in endpoint.types if not one.startswith(OURS)]


def _follow(reader: LogReader, endpoint: Endpoint) -> int:
    """Cursor and notices commit together, so nothing is queued twice or left out. A new endpoint begins at the log's head."""
    mark = f"webhook/{endpoint.pk}"
    wanted = _of_the_log(endpoint)
    if not wanted:
        return 0
    stored = Cursor.objects.filter(pk=mark).values_list("position", flat=True).first()
    if stored is None:
        Cursor.objects.get_or_create(pk=mark, defaults={"position": reader.head()})
        return 0
    room = BEHIND - Notice.objects.filter(lane=endpoint.lane, state=NoticeState.PENDING).count()
    batch = reader.batch(stored, AT_ONCE) if room > 0 else None
    if batch is None or batch.through <= stored:
        return 0
    rows = [
        row
        for row, (type, world) in enumerate(zip(batch.type, batch.world, strict=True))
        if world == endpoint.world and not type.startswith(OURS) and matches(wanted, type)
    ]
    through = batch.through if len(rows) <= room else int(batch.pos[rows[room]]) - 1
    taken = reader.get([int(batch.pos[row]) for row in rows[:room]])
    drafts = []
    for one in taken:
        place = {"position": one.pos, "recordedtime": from_us(one.recorded_us)}
        body = msgspec.json.encode({**members(one.event), "time": one.event.time, **place}).decode()
        drafts.append(
            _draft(endpoint, f"log/{one.pos}", f"{one.event.type} · {one.event.subject or one.event.id}", body)
        )
    with transaction.atomic():
        outbox.queue(drafts)
        Cursor.objects.filter(pk=mark).update(position=through)
    return len(drafts)


def forget(endpoint: Endpoint) -> None:
    """It was paused: when it goes on, it begins at the log's head."""
    Cursor.objects.filter(pk=f"webhook/{endpoint.pk}").delete()


def trial(endpoint: Endpoint, by: str) -> Draft:
    """A test event: proves address, signature and clock."""
    cause = f"test/{secrets.token_hex(8)}"
    event = _event(cause, "webhooks", TEST, str(endpoint.pk), endpoint.world, {"webhook": endpoint.name, "by": by})
    return _draft(endpoint, cause, TEST, event, kind="test")


def _event(id: str, source: str, type: str, subject: str, world: str, data: dict[str, Any]) -> str:
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": f"{settings.VONGLAU_ORIGIN or ''}/api/{source}",
        "type": type,
        "subject": subject,
        "time": timezone.now(),
        "datacontenttype": "application/json",
        "data": data,
    }
    if world != LIVE:
        body["exercise"] = world
    return msgspec.json.encode(body).decode()


def _incident(incident: Incident, step: str) -> dict[str, Any]:
    names = (
        "ref",
        "world",
        "kind",
        "service",
        "title",
        "level",
        "rank",
        "state",
        "category",
        "ward",
        "place",
        "lon",
        "lat",
    )
    moments = ("received_at", "due_at", "resolved_at", "closed_at")
    return {
        "step": step,
        **{name: getattr(incident, name) for name in (*names, *moments, "outcome", "version")},
        "agency": incident.agency.code if incident.agency else None,
        "href": f"{settings.VONGLAU_ORIGIN or ''}/api/incidents/{incident.ref}?world={incident.world}",
    }


def _alert(alert: Alert) -> dict[str, Any]:
    names = ("identity", "world", "kind", "severity", "urgency", "certainty", "rank", "onset", "updated", "ended")
    return {
        **{name: getattr(alert, name) for name in (*names, "subject", "lon", "lat", "ward", "facts")},
        "incident": alert.incident.ref if alert.incident else None,
        "href": f"{settings.VONGLAU_ORIGIN or ''}/api/alerts/{alert.identity}?world={alert.world}",
    }


def _draft(endpoint: Endpoint, cause: str, subject: str, body: str, kind: str = "event") -> Draft:
    return Draft(
        key=f"webhook/{endpoint.pk}/{cause}",
        world=endpoint.world,
        kind=kind,
        channel="webhook",
        lane=endpoint.lane,
        recipient=endpoint.name,
        subject=subject,
        body=body,
        endpoint=endpoint,
    )
