"""What a page shows of a voice: by which way it is told, and where its buttons lead."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from vonglau.core.incidents import desk
from vonglau.core.incidents.phrases import clock_words
from vonglau.core.notify import vapid
from vonglau.core.worlds import world
from vonglau.services.field_reports import replies, rules
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.public import story
from vonglau.services.field_reports.public.form import PHOTOS, new_key
from vonglau.services.field_reports.voices import following, joining, verdicts, who


def own(report: Report) -> dict[str, Any]:
    """For the reporter's page, under the report's own secret."""
    voice = Voice.objects.filter(report=report, part=joining.REPORTER).first()
    return {
        "voice": voice,
        "follow": _follow(report, voice, "own_", report.token),
        "reply": _reply(report, "own_", report.token),
        **_judging(report, voice, "own_"),
    }


def of(voice: Voice) -> dict[str, Any]:
    """For the page of a voice."""
    return {
        "voice": voice,
        "follow": _follow(voice.report, voice, "", voice.token),
        "reply": _reply(voice.report, "", voice.token) if answers(voice) else None,
        **_judging(voice.report, voice, ""),
    }


def answers(voice: Voice) -> bool:
    """Whether it speaks for the report: the reporter's, once it is known that the address is theirs."""
    return voice.part == joining.REPORTER and voice.told


def _reply(report: Report, prefix: str, token: str) -> dict[str, Any] | None:
    """The form that adds to a report; None once the work has ended. `waits`: the clock stands until there is an answer to `question`."""
    if not replies.open_to(report):
        return None
    return {
        "waits": desk.fate(report.incident).paused_at is not None,
        "question": story.question(report),
        "url": reverse(f"field_reports:{prefix}reply", args=[token]),
        "key": new_key(),
        "photos": PHOTOS,
        "most": str(rules.DESCRIPTION_LIMIT),  # a number would be written as people write it
    }


def _judging(report: Report, voice: Voice | None, prefix: str) -> dict[str, Any]:
    token = report.token if prefix or voice is None else voice.token
    standing = verdicts.standing(voice, report, world(report.world).now())
    return {
        "standing": standing,
        "ends_words": clock_words(standing.ends),
        "scores": [(score, str(words)) for score, words in verdicts.SCORES.items()],
        "bad_to": verdicts.BAD_TO,
        "words_most": str(verdicts.WORDS),  # a number would be written as people write it: 2,000
        "verdict_url": reverse(f"field_reports:{prefix}verdict", args=[token]),
    }


def _follow(report: Report, voice: Voice | None, prefix: str, token: str) -> dict[str, Any]:
    """`way`: how news goes to them, empty for none; `waits`: an address has not said yes."""
    return {
        "way": voice.channel if voice is not None and voice.told else "",
        "waits": voice is not None and bool(voice.address) and voice.confirmed_at is None,
        "address": following.shown(voice) if voice is not None else "",
        "email": reverse(f"field_reports:{prefix}follow", args=[token]),
        "push": reverse(f"field_reports:{prefix}push", args=[token]),
        "stop": reverse(f"field_reports:{prefix}stop", args=[token]),
        "phones": following.phones(),
        "feed": reverse("field_reports:report_feed", args=[report.reference]),
        "key": vapid.public_key(),
    }


def mine(request: HttpRequest, report: Report) -> Voice | None:
    """The voice that this browser has already, by its cookie; nobody's without one."""
    if who.COOKIE not in request.COOKIES:
        return None
    found = Voice.objects.filter(report=report, device__in=who.of(request).devices()).exclude(part=joining.REPORTER)
    return found.order_by("pk").first()
