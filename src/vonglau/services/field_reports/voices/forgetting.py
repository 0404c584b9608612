"""What a voice leaves that identifies somebody, and that it goes: with the reporter's content, by retention, at a person's request."""

from collections.abc import Iterable

from django.db.models import Q

from vonglau.core.audit_models import Note
from vonglau.core.forgetting import overwriting
from vonglau.services.field_reports.models import Question, Report, Verdict, Voice
from vonglau.services.field_reports.voices import following
from vonglau.services.field_reports.voices.joining import REPORTER

KNOWN = ~Q(channel="") | ~Q(device="") | ~Q(network="") | ~Q(confirmed_as="")
"""Voices that still hold something by which somebody could be known."""

HOLDS = KNOWN | Q(verdicts__note__isnull=False) | ~Q(verdicts__public_words="") & Q(verdicts__isnull=False)
"""The same, with what they wrote."""


def contacts(voices: Iterable[Voice]) -> int:
    """Addresses and marks of browsers; how many voices had any. In the caller's transaction."""
    found = [voice.pk for voice in voices]
    for voice in Voice.objects.filter(pk__in=found):
        following.stop(voice)
    with overwriting():
        Voice.objects.filter(pk__in=found).update(device="", network="", confirmed_as="", site="")
        Question.objects.filter(voice__in=found).delete()
    return len(found)


def words(voices: Iterable[Voice], *, public: bool = False) -> int:
    """What they wrote with their verdicts; `public`: its masked form too. How many texts. In the caller's transaction."""
    verdicts = Verdict.objects.filter(voice__in=[voice.pk for voice in voices])
    with overwriting():
        gone = Note.objects.filter(pk__in=verdicts.exclude(note=None).values_list("note", flat=True)).delete()[0]
        if public:
            verdicts.update(public_words="")
    return gone


def everything(voices: Iterable[Voice]) -> None:
    """At a person's request: their address, marks and words. What waits in the outbox finds nobody any more; the number of people stays."""
    found = list(voices)
    words(found, public=True)
    contacts(found)


def reporter(report: Report) -> None:
    """With the content of a report."""
    everything(Voice.objects.filter(report=report, part=REPORTER))
