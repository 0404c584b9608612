"""E-mail: over the configured server when the world is live and one is set, else as files in the world's own folder."""

import hashlib
import smtplib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from vonglau.core.events import LIVE
from vonglau.core.notify import letters
from vonglau.core.notify.channel import Delivered, Lane, NotDelivered, Schedule, Send
from vonglau.core.notify.outbox import SCHEDULES
from vonglau.core.notify_models import Notice

SECONDS = 20
PARALLEL = 2


def message_id(key: str) -> str:
    """Stable, so that a mail client shows a second copy and the first as one."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@vonglau>"


class Email:
    """The core's own channel: to people with an account, and to agencies."""

    name = "email"
    schedule: Schedule = SCHEDULES["email"]

    def lanes(self, now: datetime) -> Iterable[Lane]:
        return (Lane("email", PARALLEL),)

    def prepare(self, notice: Notice) -> Send:
        message = _message(notice, notice.subject, notice.body, notice.recipient)
        return lambda: _send(message)

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        """A mail server's health is the health of its notices: nothing else to remember."""


class CitizenEmail:
    """To people without an account, in a queue of its own: a step with a thousand followers delays no agency's mail."""

    name = "citizen-email"
    schedule: Schedule = SCHEDULES["citizen-email"]

    def lanes(self, now: datetime) -> Iterable[Lane]:
        return (Lane(self.name, PARALLEL),)

    def prepare(self, notice: Notice) -> Send:
        letter = letters.of(notice)
        leaves = notice.world == LIVE and settings.EMAIL_HOST
        # A file that stands for a mail holds nobody's address: such files lie unsealed in the data folder.
        to = letter.address if leaves else f"{notice.recipient.replace('/', '.')}@citizen.invalid"
        message = _message(notice, letter.subject, letter.body, to)
        message.extra_headers["Auto-Submitted"] = "auto-generated"
        if letter.stop:
            message.extra_headers["List-Unsubscribe"] = f"<{letter.stop}>"
            message.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"

        def send() -> Delivered:
            try:
                return _send(message)
            except NotDelivered as problem:
                raise letters.hidden(problem, letter.address) from None

        return send

    def settled(self, notice: Notice, problem: NotDelivered | None, now: datetime) -> None:
        letters.settled(notice, problem)


def _message(notice: Notice, subject: str, body: str, to: str) -> EmailMessage:
    message = EmailMessage(subject.replace("\n", " ").replace("\r", " "), body, to=[to])
    message.extra_headers["Message-ID"] = message_id(notice.key)
    if notice.world == LIVE and settings.EMAIL_HOST:
        message.connection = get_connection("django.core.mail.backends.smtp.EmailBackend", timeout=SECONDS)
    else:
        sink = Path(settings.VONGLAU_DATA) / "outbox" / notice.world
        sink.mkdir(parents=True, exist_ok=True)
        message.connection = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(sink))
    return message


def _send(message: EmailMessage) -> Delivered:
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()), (550, b""))
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise NotDelivered(f"The mail server refused the address: {code} {words}", final=code >= 500) from refused
    except (
        OSError,
        ValueError,
    ) as problem:  # smtplib's errors are OSErrors; a header that cannot be sent is a ValueError
        final = isinstance(problem, ValueError)
        raise NotDelivered(f"{type(problem).__name__}: {problem}", final=final) from problem
    return Delivered()
