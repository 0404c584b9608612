"""Web Push: a notice to a person's browser, encrypted for it alone (RFC 8291), under our own signature (VAPID, RFC 8292).

The push service (of the browser's maker) carries it and can read neither title nor link, only that something came. `Topic` is made of the
notice's key: a copy that is sent again replaces the first one while that waits there.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from vonglau.core.notify import letters
from vonglau.core.notify.channel import Delivered, Lane, NotDelivered, Schedule, Send
from vonglau.core.notify.outbox import SCHEDULES
from vonglau.core.notify.vapid import private_key
from vonglau.core.notify_models import Notice, PushDevice
from vonglau.gateways.notices.post import Answer, Wire

PARALLEL = 4
TOKEN_LIVES = timedelta(hours=12)
"""RFC 8292 allows 24 hours at most."""


def topic(key: str) -> str:
    """At most 32 characters of base64url (RFC 8030, 5.4)."""
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()[:24]).decode()


def contact() -> str:
    """Whom a push service can ask about us (`sub`)."""
    origin: str = settings.VONGLAU_ORIGIN
    return origin if origin.startswith("https://") else f"mailto:{settings.DEFAULT_FROM_EMAIL}"


class Push:
    """The channel. One lane for all devices: push services are few, and fast."""

    name = "push"
    schedule: Schedule = SCHEDULES["push"]

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def lanes(self, now: datetime) -> Iterable[Lane]:
        return (Lane("push", PARALLEL),)

    def prepare(self, notice: Notice) -> Send:
        device = PushDevice.objects.filter(pk=notice.device_id or 0).first()
        if device is None:
            raise NotDelivered("The device was removed.", moot=True)
        return self._prepared(notice, json.loads(device.subscription), notice.body)

    def _prepared(self, notice: Notice, subscription: dict[str, Any], text: str) -> Send:
        body = text.encode()
        seconds = max(60, int((notice.expires_at - timezone.now()).total_seconds()))
        urgent = bool(json.loads(text).get("urgent"))
        headers = {"TTL": str(seconds), "Topic": topic(notice.key), "Urgency": "high" if urgent else "normal"}
        from py_vapid import Vapid02  # with the first push: see `_send`

        signer = Vapid02.from_pem(private_key())
        return lambda: self._send(subscription, body, headers, signer)

    def _send(self, subscription: dict[str, Any], body: bytes, headers: dict[str, str], signer: Any) -> Delivered:
        from pywebpush import WebPusher  # half a second of imports that a start should not wait for

        url = str(subscription["endpoint"])
        parts = urlsplit(url)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((timezone.now() + TOKEN_LIVES).timestamp()),
            "sub": contact(),
        }
        sealed = WebPusher(subscription).encode(body, "aes128gcm")["body"]
        headers = {
            **headers,
            **signer.sign(claims),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
        }
        return _read(self.wire.post(url, sealed, headers))

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        """A subscription that ended is forgotten: the browser was reset, or its owner said no."""
        if problem is None:
            PushDevice.objects.filter(pk=notice.device_id or 0).update(last_ok_at=now)
        elif problem.gone:
            PushDevice.objects.filter(pk=notice.device_id or 0).delete()


class CitizenPush(Push):
    """To browsers of people without an account."""

    name = "citizen-push"
    schedule: Schedule = SCHEDULES["citizen-push"]

    def lanes(self, now: datetime) -> Iterable[Lane]:
        return (Lane(self.name, PARALLEL),)

    def prepare(self, notice: Notice) -> Send:
        letter = letters.of(notice)
        return self._prepared(notice, json.loads(letter.address), letter.body)

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        letters.settled(notice, problem)


def _read(answer: Answer) -> Delivered:
    if 200 <= answer.status < 300:
        return Delivered(answer.status)
    if answer.status in (404, 410):
        raise NotDelivered(
            f"The subscription ended ({answer.status}).", status_code=answer.status, gone=True, moot=True
        )
    refused = answer.status in (400, 401, 403, 413)
    raise NotDelivered(
        f"The push service answered {answer.status}: {answer.words}",
        status_code=answer.status,
        retry_after=answer.retry_after,
        final=refused,
    )
