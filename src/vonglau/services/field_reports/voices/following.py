"""By which way a voice is told, and that it may stop: an address is told nothing but one question before it has said yes."""

import json
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from vonglau.core import lookup
from vonglau.core.errors import BadInput
from vonglau.core.forgetting import overwriting
from vonglau.core.incidents import desk
from vonglau.core.notify import devices, endpoints, outbox
from vonglau.services.field_reports import contacts
from vonglau.services.field_reports.models import Question, Voice
from vonglau.services.field_reports.voices import joining, news

ASKED_OF_ONE = 3
"""Questions that one voice may cause within a day, to whatever addresses."""
ASKED_OF_AN_ADDRESS = 4
"""Questions to one address within a day, of whatever report: nobody's letter box is filled by others."""
CONFIRMED_AS = "field_reports.voice.confirmed_as"
ASKED_AT = "field_reports.question.address"
MOBILE = re.compile(r"\A0[35789]\d{8}\Z")
DAY = timedelta(days=1)
UNCONFIRMED = timedelta(days=7)
"""How long an address that did not answer is kept."""


class TooOften(BadInput):
    """An address was asked often enough."""


def by_email(voice: Voice, address: str, *, site: str = "", language: str = "") -> Voice:
    """Ask this address whether it wants the news. The same one, confirmed already, is left as it is. Raises BadInput, TooOften."""
    address = address.strip()
    try:
        validate_email(address)
    except ValidationError as wrong:
        raise BadInput("This is no e-mail address.", pointer="/email") from wrong
    if len(address) > 254:
        raise BadInput("This is no e-mail address.", pointer="/email")
    return _by(voice, "email", address, site, language)


def repeat(voice: Voice, *, site: str = "", language: str = "") -> Voice:
    """Ask the same address once more. Raises TooOften."""
    return _by(voice, voice.channel, voice.address, site, language)


def by_phone(voice: Voice, channel: str, number: str, *, site: str = "", language: str = "") -> Voice:
    """The same over SMS or Zalo, where the installation has them. Raises BadInput, TooOften."""
    if channel not in phones():
        raise BadInput("This way is not offered here.", pointer="/channel")
    if not MOBILE.match(contacts.phone_of(number)):
        raise BadInput("This is no mobile number.", pointer="/phone")
    return _by(voice, channel, number.strip()[:40], site, language)


def phones() -> list[str]:
    """The ways to a telephone that are set up."""
    ways = {"sms": settings.VONGLAU_SMS_URL, "zalo": settings.VONGLAU_ZALO_TOKEN and settings.VONGLAU_ZALO_TEMPLATE}
    return [way for way, ready in ways.items() if ready]


@transaction.atomic
def _by(voice: Voice, channel: str, address: str, site: str, language: str) -> Voice:
    voice = Voice.objects.select_for_update(of=("self",)).select_related("report__incident").get(pk=voice.pk)
    before = (voice.channel, voice.address_exact)
    voice.channel, voice.address = channel, address
    same = before == (channel, voice.address_exact)
    if same and voice.confirmed_at and not voice.ended_at:
        return voice
    if not same:
        voice.confirmed_at = None
    voice.secret, voice.ended_at = "", None
    voice.site, voice.language = site or voice.site, language or voice.language
    ask(voice)
    return voice


def ask(voice: Voice, now: datetime | None = None) -> None:
    """Send the question, and save the voice. Raises TooOften; the caller's transaction is then undone."""
    now = now or timezone.now()
    lately = Question.objects.filter(at__gt=now - DAY)
    known = lookup.candidates(voice.address_exact, ASKED_AT)
    if (
        lately.filter(voice=voice).count() >= ASKED_OF_ONE
        or lately.filter(address__in=known).count() >= ASKED_OF_AN_ADDRESS
    ):
        raise TooOften("This address was asked often enough today.", pointer="/email")
    voice.code, voice.asked, voice.asked_at = joining.new_token(), voice.asked + 1, now
    voice.save()
    Question.objects.create(voice=voice, address=lookup.digest(voice.address_exact, ASKED_AT), at=now)
    with translation.override(voice.language):
        lines = [
            _("Có người, có lẽ là bạn, muốn nhận tin về phản ánh này ở địa chỉ này."),
            _("Để nhận tin, hãy mở: %(link)s") % {"link": "{link}"},
        ]
        title = _("xác nhận nhận tin")
    draft = news.draft(voice, news.CONFIRM, news.question(voice.code), title, lines, incident=voice.report.incident)
    outbox.queue([draft])


@transaction.atomic
def confirm(voice: Voice, code: str) -> bool:
    """The one who opened the message says yes. False: another message was sent since, or none."""
    voice = Voice.objects.select_for_update(of=("self",)).select_related("report__incident__keeper").get(pk=voice.pk)
    if not voice.address or not code or not secrets.compare_digest(voice.code.encode(), code.encode()):
        return False
    _confirmed(voice)
    return True


def _confirmed(voice: Voice) -> None:
    """One address is one voice of a matter and one person: an older one of it makes room, and what was counted for it stays counted."""
    whole = desk.fate(voice.report.incident)
    around = Voice.objects.filter(joining.voices_of(whole)).exclude(pk=voice.pk)
    known = lookup.where(Voice, "address_digest", voice.address_exact)
    older = around.filter(known, channel=voice.channel, confirmed_at__isnull=False, ended_at=None)
    for other in older.select_for_update(of=("self",)):
        stop(other)
    voice.confirmed_at, voice.ended_at, voice.code = voice.confirmed_at or timezone.now(), None, ""
    if voice.part in joining.PEOPLE:
        same = lookup.candidates(voice.address_exact, CONFIRMED_AS)
        voice.counted = not around.filter(confirmed_as__in=same, counted=True, part__in=joining.PEOPLE).exists()
    voice.confirmed_as = lookup.digest(voice.address_exact, CONFIRMED_AS)
    voice.save()


@transaction.atomic
def by_push(voice: Voice, said: Any, *, language: str = "") -> Voice:
    """This browser shows the news. Its permission is the confirmation. Raises BadInput for what is no subscription."""
    subscription = json.dumps(devices.checked(said), sort_keys=True)
    voice = Voice.objects.select_for_update(of=("self",)).select_related("report__incident__keeper").get(pk=voice.pk)
    voice.channel, voice.address, voice.secret, voice.confirmed_at = "push", subscription, "", timezone.now()
    voice.language, voice.ended_at = language or voice.language, None
    _kept(voice)
    return voice


@transaction.atomic
def by_webhook(voice: Voice, url: str) -> str:
    """A programme is told: the secret that signs, shown once. Whether its address may be called is decided at each send. Raises
    BadInput."""
    secret = endpoints.mint()
    voice = Voice.objects.select_for_update(of=("self",)).select_related("report__incident__keeper").get(pk=voice.pk)
    voice.channel, voice.address, voice.secret = "webhook", endpoints.checked_url(url), secret
    voice.confirmed_at, voice.ended_at = timezone.now(), None
    _kept(voice)
    return secret


def _kept(voice: Voice) -> None:
    """Saved without a change of what is counted: a browser or a programme is no proof of a second person."""
    counted = voice.counted
    _confirmed(voice)
    if voice.counted != counted:
        Voice.objects.filter(pk=voice.pk).update(counted=counted)


@transaction.atomic
def end(voice: Voice) -> None:
    """At its own wish."""
    stop(voice)


def stop(voice: Voice) -> None:
    """No news any more, and the address is forgotten. The page of the voice stays. In the caller's transaction."""
    with overwriting():
        Voice.objects.filter(pk=voice.pk).update(
            channel="", address="", address_digest="", secret="", code="", confirmed_at=None, ended_at=timezone.now()
        )


def shown(voice: Voice) -> str:
    """The address as its page shows it: enough for whoever owns it."""
    if voice.channel in ("sms", "zalo"):
        return f"•••{contacts.phone_of(voice.address)[-3:]}"
    if voice.channel != "email":
        return ""
    name, _at, host = voice.address.partition("@")
    return f"{name[:1]}•••@{host}"


def tidy(now: datetime | None = None) -> int:
    """Forget addresses that never said yes, and questions of more than a day ago; how many addresses."""
    Question.objects.filter(at__lt=(now or timezone.now()) - DAY).delete()
    before = (now or timezone.now()) - UNCONFIRMED
    late = Voice.objects.filter(confirmed_at=None, asked_at__lt=before).exclude(channel="")
    found = list(late.order_by("pk")[:500])
    for voice in found:
        with transaction.atomic():
            stop(voice)
    return len(found)
