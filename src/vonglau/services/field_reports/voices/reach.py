"""How a voice is reached, asked when a message leaves: its address, and the links that are its own."""

import re

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from vonglau.core.notify import rules
from vonglau.core.notify_models import Notice
from vonglau.core.seams import Letter
from vonglau.services.field_reports.models import Voice
from vonglau.services.field_reports.published.one import is_public
from vonglau.services.field_reports.voices.joining import REPORTER
from vonglau.services.field_reports.voices.news import CHANNELS, CONFIRM, question

_RECIPIENT = re.compile(r"\Afield_reports/(\d{1,18})\Z")


def voice_of(notice: Notice) -> Voice | None:
    found = _RECIPIENT.match(notice.recipient)
    return Voice.objects.select_related("report").filter(pk=int(found[1])).first() if found else None


def letter(notice: Notice) -> Letter | None:
    """None: it wants no news any more, or none yet; by another way than when this was written; or the report is hidden since."""
    voice = voice_of(notice)
    if voice is None or not voice.address or not voice.channel or voice.ended_at is not None:
        return None
    if notice.channel != CHANNELS[voice.channel]:
        return None
    if voice.part != REPORTER and not is_public(voice.report):
        return None
    if (voice.confirmed_at is None) != (notice.kind == CONFIRM):
        return None
    if notice.kind == CONFIRM and not notice.key.endswith(f"/{question(voice.code)}"):
        return None  # asked of another address, or another message was asked for since
    site = str(settings.VONGLAU_ORIGIN) or voice.site
    page = reverse("field_reports:voice", args=[voice.token])
    stop = site + reverse("field_reports:stop", args=[voice.token])
    link = site + page
    if notice.kind == CONFIRM:
        link = site + reverse("field_reports:confirm", args=[voice.token, voice.code])
    body = notice.body
    if voice.channel == "push":
        body = rules.shown(notice.subject, notice.body, page, f"report/{voice.report.reference}", voice.language)
    elif voice.channel in ("sms", "zalo"):
        body = f"{notice.subject}. {notice.body} {link}"
    elif voice.channel == "email":
        body = body.replace("{link}", link).replace("{stop}", stop)
    return Letter(
        address=voice.address,
        subject=notice.subject,
        body=body,
        stop=stop if notice.kind != CONFIRM else "",
        secrets=(voice.secret,) if voice.secret else (),
    )


def gone(notice: Notice) -> None:
    """A browser that was reset, a programme that answered 410: no news any more."""
    from vonglau.services.field_reports.voices import following

    voice = voice_of(notice)
    if voice is not None:
        with transaction.atomic():
            following.stop(voice)
