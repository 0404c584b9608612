"""Small makers: a report, browsers, and what reached their letter boxes."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from django.test import Client

from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.notify.email import CitizenEmail
from vonglau.core.notify.sender import Sender
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.photos.tests import makers
from vonglau.services.field_reports.photos.tests.makers import Sent
from vonglau.services.field_reports.voices import following, joining
from vonglau.services.field_reports.voices.who import Who

REPORTER = Actor("web", "reporter")
HERE = {"lon": 108.2205, "lat": 16.0605}


def report(words: str = "Đèn trước chợ tắt, gọi 0905 123 456", **more: Any) -> Report:
    """`photo`: with a picture."""
    personal = intake.Personal(description=words, email=more.pop("email", ""))
    photo = more.pop("photo", False)

    def attach(incident: Incident) -> None:
        reviews.attach(incident, REPORTER, *reviews.decoded([Sent(makers.jpeg())]))

    fields: dict[str, Any] = {"world": "live", "category": "street_light", "source": "web", "sent_by": "web", **HERE}
    submission = intake.Submission(**{**fields, "personal": personal, "at": factories.MONDAY, **more})
    return intake.receive(submission, REPORTER, attach if photo else None)


def who(mark: str = "a", origin: str = "192.0.2.1\nphone") -> Who:
    return Who(mark * 24, origin)


def follower(found: Report, address: str = "an@example.vn", language: str = "vi", part: str = "joined") -> Voice:
    """Somebody who joined and said yes."""
    voice = joining.join(found, part, who(address[0], address), site="https://city.example")
    voice = following.by_email(voice, address, language=language)
    assert following.confirm(voice, voice.code)
    return Voice.objects.get(pk=voice.pk)


def verify(found: Report) -> Incident:
    return desk.take("live", found.incident.ref, "verify", factories.OPERATOR, at=factories.MONDAY + timedelta(hours=1))


def browser(address: str = "192.0.2.1", agent: str = "phone") -> Client:
    return Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent, HTTP_ACCEPT_LANGUAGE="vi")


def deliver() -> int:
    return Sender({"citizen-email": CitizenEmail()}).deliver()


def letters(data: Path, world: str = "live") -> list[EmailMessage]:
    """Every mail that left so far, the oldest first."""
    found = []
    for path in sorted((data / "outbox" / world).glob("*"), key=lambda one: one.stat().st_mtime_ns):
        for part in path.read_bytes().split(b"\n" + b"-" * 79 + b"\n"):
            if part.strip():
                found.append(message_from_bytes(part.strip(), policy=policy.default))
    return found  # type: ignore[return-value]


def box(voice: Voice) -> str:
    """How a mail that became a file names whom it is for."""
    return f"field_reports.{voice.pk}@citizen.invalid"


def link(message: EmailMessage, part: str = "/v/") -> str:
    """The first path of ours in a mail that holds `part`."""
    found = re.search(rf"https?://[^/\s]+(/field_reports{part}\S+)", message.get_content())
    assert found is not None, message.get_content()
    return found[1]
