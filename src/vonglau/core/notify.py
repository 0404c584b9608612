"""The outbox. Contract 6 of the house: delivered or visibly failed, never forgotten.

A notice is written in the transaction that causes it, under a stable key. Before sending, the worker commits `sending`; a crash between
send and record leaves it so (uncertain), and it is sent again under the same key (as the Message-ID, so that a mail client folds them).
Once an acknowledgement has committed, no new send starts. A drill's notices go to the drill's own folder, never to people.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from vonglau.core.events import LIVE
from vonglau.core.incidents.models import Incident
from vonglau.core.notify_models import Notice

ATTEMPTS = 8
UNCERTAIN_AFTER = timedelta(minutes=2)
"""A send that has not come back by then belongs to a process that died."""


def queue(*, key: str, world: str, channel: str, recipient: str, subject: str, body: str, about: str = "") -> Notice:
    """Write a notice; the same key again changes nothing."""
    now = timezone.now()
    found, _made = Notice.objects.get_or_create(
        key=key,
        defaults={
            "world": world,
            "channel": channel,
            "recipient": recipient,
            "subject": subject[:300],
            "body": body,
            "about": about,
            "next_at": now,
            "created_at": now,
        },
    )
    return found


def assigned(incident: Incident, at: datetime) -> Notice | None:
    """Tell an agency by e-mail that an incident was put in its hands; None where it has no address."""
    agency = incident.agency
    if agency is None or not agency.email:
        return None
    with translation.override("vi"):
        subject = _("[Vọng Lâu] Phân công xử lý %(ref)s: %(title)s") % {"ref": incident.ref, "title": incident.title}
        due = incident.handle_due
        body = _("Sự việc: %(title)s\nĐịa điểm: %(place)s\nHạn xử lý: %(due)s\nMã: %(ref)s") % {
            "title": incident.title,
            "place": incident.place or "–",
            "due": timezone.localtime(due).strftime("%H:%M %d/%m/%Y") if due else "–",
            "ref": incident.ref,
        }
    return queue(
        key=f"assigned/{incident.stream}/{incident.version + 1}",
        world=incident.world,
        channel="email",
        recipient=agency.email,
        subject=subject,
        body=body,
        about=incident.stream,
    )


def acknowledged(about: str) -> int:
    """Stop what has not begun to be sent about this. Runs in the transaction of the acknowledgement."""
    return Notice.objects.filter(about=about, state="pending").update(state="cancelled")


Send = Callable[[Notice], None]


def send_email(notice: Notice) -> None:
    """Over the configured server when live and one is set; otherwise as a file in the world's own sink."""
    message = EmailMessage(notice.subject.replace("\n", " ").replace("\r", " "), notice.body, to=[notice.recipient])
    digest = hashlib.sha256(notice.key.encode()).hexdigest()[:32]
    message.extra_headers["Message-ID"] = f"<{digest}@vonglau>"
    if notice.world == LIVE and settings.EMAIL_HOST:
        message.connection = get_connection("django.core.mail.backends.smtp.EmailBackend", timeout=20)
    else:
        sink = Path(settings.VONGLAU_DATA) / "outbox" / notice.world
        sink.mkdir(parents=True, exist_ok=True)
        message.connection = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(sink))
    message.send()


CHANNELS: dict[str, Send] = {"email": send_email}


@transaction.atomic
def _claim(now: datetime) -> Notice | None:
    """Take the next due notice, durably, before anything leaves the house."""
    due = Notice.objects.select_for_update().filter(state="pending", next_at__lte=now).order_by("next_at").first()
    if due is None:
        return None
    due.state, due.attempts, due.next_at = "sending", due.attempts + 1, now
    due.save(update_fields=["state", "attempts", "next_at"])
    return due


def deliver(limit: int = 50, channels: dict[str, Send] | None = None) -> int:
    """Send what is due. Called by the worker, outside any transaction. Returns how many were delivered."""
    channels = channels or CHANNELS
    now = timezone.now()
    Notice.objects.filter(state="sending", next_at__lte=now - UNCERTAIN_AFTER).update(state="pending")
    delivered = 0
    for _round in range(limit):
        notice = _claim(now)
        if notice is None:
            break
        try:
            channels[notice.channel](notice)
        except (OSError, KeyError) as problem:  # smtplib's errors are OSErrors
            _failed(notice, problem)
        else:
            notice.state, notice.delivered_at, notice.error = "delivered", timezone.now(), ""
            notice.save(update_fields=["state", "delivered_at", "error"])
            delivered += 1
    return delivered


def _failed(notice: Notice, problem: Exception) -> None:
    """Back off by doubling from half a minute; after the last attempt it stands as failed, for a person to see."""
    notice.error = f"{type(problem).__name__}: {problem}"[:300]
    notice.state = "failed" if notice.attempts >= ATTEMPTS else "pending"
    notice.next_at = timezone.now() + timedelta(seconds=30 * 2 ** (notice.attempts - 1))
    notice.save(update_fields=["state", "error", "next_at"])
