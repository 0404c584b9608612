"""Webhooks as the Standard Webhooks specification wants them (1.0): CloudEvents in structured JSON, signed with HMAC-SHA256.

    webhook-id         the same for every attempt of one notice: by it a receiver tells the second from the first
    webhook-timestamp  when this attempt was made, seconds since 1970: receivers refuse old ones
    webhook-signature  v1,<Base64 of HMAC-SHA256(secret, "id.timestamp.body")>, one for each valid secret, by spaces

Order: notices of one endpoint are first tried in the order in which they were queued, one at a time; one that fails is tried again later
and lets the others pass. Receivers that need order compare `time` and, for incidents, `data.version`.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db.models import Q
from django.utils import timezone

import vonglau
from vonglau.core.notify import letters
from vonglau.core.notify.channel import Delivered, Lane, NotDelivered, Schedule, Send
from vonglau.core.notify.endpoints import secret_bytes
from vonglau.core.notify.outbox import SCHEDULES
from vonglau.core.notify_models import Endpoint, Notice, NoticeState
from vonglau.gateways.notices.post import Wire

REST_FROM = 3
"""Failures in a row from which an endpoint is given rests…"""
REST_FIRST, REST_MOST = 5.0, 300.0
"""… of so many seconds, doubling: it is probed by one notice after each."""


def message_id(key: str) -> str:
    """Stable for a notice, and without the key's own words."""
    return f"msg_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def signature(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one v1 signature for each secret, the newest first."""
    signed = f"{id}.{timestamp}.".encode() + body
    made = (hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in made)


class Webhooks:
    """The channel. One lane for each endpoint."""

    name = "webhook"
    schedule: Schedule = SCHEDULES["webhook"]

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def lanes(self, now: datetime) -> Iterable[Lane]:
        ready = Endpoint.objects.filter(removed_at=None, paused_at=None).filter(
            Q(hold_until=None) | Q(hold_until__lte=now)
        )
        for pk, failures in ready.values_list("pk", "failures"):
            yield Lane(f"webhook/{pk}", 1, suspect=failures > 0)

    def prepare(self, notice: Notice) -> Send:
        endpoint = Endpoint.objects.filter(pk=notice.endpoint_id or 0, removed_at=None).first()
        if endpoint is None:
            raise NotDelivered("The webhook was removed.", final=True)
        secrets = [endpoint.secret]
        if endpoint.old_secret and endpoint.old_until is not None and endpoint.old_until > timezone.now():
            secrets.append(endpoint.old_secret)
        url, key, body = endpoint.url, notice.key, notice.body.encode()
        return lambda: _send(self.wire, url, secrets, message_id(key), body)

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        """Remember its health: rests for one that keeps failing or asks for them, an end for one that is gone."""
        row = Endpoint.objects.select_for_update().filter(pk=notice.endpoint_id or 0).first()
        if row is None:
            return
        if problem is None:
            row.failures, row.hold_until, row.last_ok_at = 0, None, now
        else:
            row.failures, row.last_error, row.last_error_at = row.failures + 1, problem.message[:300], now
            rest = 0.0
            if row.failures >= REST_FROM:
                rest = min(REST_MOST, REST_FIRST * 2.0 ** min(row.failures - REST_FROM, 20))
            if problem.status_code in (429, 503):
                rest = max(rest, problem.retry_after or 0.0)
            row.hold_until = now + timedelta(seconds=rest) if rest else None
            if problem.gone:
                row.paused_at, row.paused_why = row.paused_at or now, "gone"
                waiting = Notice.objects.filter(lane=row.lane, state=NoticeState.PENDING)
                waiting.update(state=NoticeState.FAILED, error=problem.message[:300])
        row.save(
            update_fields=[
                "failures",
                "hold_until",
                "last_ok_at",
                "last_error",
                "last_error_at",
                "paused_at",
                "paused_why",
            ]
        )


class CitizenWebhooks:
    """To programmes that follow single reports. Their addresses are strangers', so they share the few places of suspects."""

    name = "citizen-webhook"
    schedule: Schedule = SCHEDULES["citizen-webhook"]

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def lanes(self, now: datetime) -> Iterable[Lane]:
        return (Lane(self.name, 4, suspect=True),)

    def prepare(self, notice: Notice) -> Send:
        letter = letters.of(notice)

        def send() -> Delivered:
            try:
                return _send(self.wire, letter.address, letter.secrets, message_id(notice.key), letter.body.encode())
            except NotDelivered as problem:
                raise letters.hidden(problem, letter.address, urlsplit(letter.address).hostname or "") from None

        return send

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        letters.settled(notice, problem)


def _send(wire: Wire, url: str, secrets: Sequence[str], id: str, body: bytes) -> Delivered:
    timestamp = int(timezone.now().timestamp())
    headers = {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": f"vonglau/{vonglau.__version__} (+webhooks)",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secrets, id, timestamp, body),
    }
    answer = wire.post(url, body, headers)
    if 200 <= answer.status < 300:
        return Delivered(answer.status, answer.words)
    said = f"{answer.status}{': ' + answer.words if answer.words else ''}"
    if answer.status == 410:
        raise NotDelivered("It answered 410 Gone: it wants no more notices.", status_code=410, gone=True)
    if 300 <= answer.status < 400:
        said = f"{answer.status}: redirects are not followed; register the address it moved to."
    raise NotDelivered(f"It answered {said}", status_code=answer.status, retry_after=answer.retry_after)
