"""How long what citizens send is kept, and that it goes by itself: rules of data/retention/reports.yaml, carried out every hour."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadFile
from vonglau.core.facts import Text, data_path, read_yaml
from vonglau.core.forgetting import overwriting
from vonglau.core.incidents.states import ENDED, State
from vonglau.core.worlds import world
from vonglau.services.field_reports.models import SEALED, Content, Original, PhotoReview, Report, Verdict, Voice
from vonglau.services.field_reports.photos import erasing, originals
from vonglau.services.field_reports.voices import forgetting

FILE = ("retention", "reports.yaml")
KINDS = ("contacts", "originals", "words", "photos")
AT_ONCE = 500
"""Reports of one kind of data a run: the rest an hour later."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long some kinds of data are kept after a report has ended."""

    code: str
    what: tuple[str, ...]
    purpose: Text
    keep_days: int
    valid_from: date
    basis: Literal["regulation", "installation default"]
    source: str
    valid_until: date | None = None

    def __post_init__(self) -> None:
        if self.keep_days < 1:
            raise ValueError("keep_days is at least 1")
        if unknown := sorted(set(self.what) - set(KINDS)):
            raise ValueError(f"what holds {', '.join(KINDS)}, not {unknown[0]}")

    def holds(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    rules: tuple[Rule, ...]


def days(day: date) -> dict[str, tuple[int, str]]:
    """For each kind of data that ends: after how many days, by which rule. The longest purpose decides. Raises BadFile."""
    path = data_path(*FILE)
    rules = read_yaml(path, _File).rules
    codes = [rule.code for rule in rules]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise BadFile(f"{path}: rule {', '.join(twice)} stands more than once; a code names one rule")
    found: dict[str, tuple[int, str]] = {}
    for rule in rules:
        for kind in rule.what if rule.holds(day) else ():
            found[kind] = max(found.get(kind, (0, "")), (rule.keep_days, rule.code))
    return found


def run(now: datetime | None = None, by: str = "system") -> dict[str, int]:
    """Take what has been kept long enough, in every world: how many reports lost which kind. Each has an audit row of its own."""
    at = now or timezone.now()
    taken: Counter[str] = Counter()
    for kind, (keep, rule) in days(at.date()).items():
        for report in _ended(at - timedelta(days=keep)).filter(_still(kind)).distinct().order_by("pk")[:AT_ONCE]:
            with transaction.atomic(), overwriting():
                _take(kind, report)
                body = {
                    "at": world(report.world).now().isoformat(timespec="microseconds"),
                    "who": by,
                    "role": "system",
                    "step": "erase",
                    "report": report.reference,
                    "ground": f"retention: {rule}",
                    "what": kind,
                }
                audit.record(report.incident.stream, body)
            taken[kind] += 1
    return dict(taken)


def _ended(before: datetime) -> "QuerySet[Report]":
    """Reports whose work, or the work they were merged into, ended before a moment."""
    own = Q(incident__state__in=set(ENDED) - {State.MERGED}, incident__closed_at__lt=before)
    merged = Q(incident__state=State.MERGED, incident__keeper__state__in=ENDED, incident__keeper__closed_at__lt=before)
    return Report.objects.filter(own | merged).select_related("incident")


def _still(kind: str) -> Q:
    """Which of them still have something of the kind."""
    if kind == "contacts":
        known = Voice.objects.filter(forgetting.KNOWN)
        return (~Q(content=None) & Q(content__contacts_kept=True)) | Q(pk__in=known.values("report"))
    if kind == "words":
        said = Verdict.objects.exclude(note=None).values("voice__report")
        return (~Q(content=None) & (~Q(content__description="") | ~Q(content__media_url=""))) | Q(pk__in=said)
    if kind == "originals":
        return Q(originals__isnull=False)
    unseen = PhotoReview.objects.filter(evidence__erased_at=None).exclude(state="passed")
    return Q(pk__in=unseen.values("report"))


def _take(kind: str, report: Report) -> None:
    if kind == "contacts":
        empty = dict.fromkeys((*SEALED, "email_digest", "phone_digest"), "")
        Content.objects.filter(report=report).update(**empty, contacts_kept=False)
        forgetting.contacts(Voice.objects.filter(report=report))
    elif kind == "words":
        Content.objects.filter(report=report).update(description="", media_url="", attributes={}, masks={})
        forgetting.words(Voice.objects.filter(report=report))
    elif kind == "originals":
        for original in Original.objects.filter(report=report):
            originals.forget(original)
    else:
        for review in PhotoReview.objects.filter(report=report).exclude(state="passed").select_related("evidence"):
            erasing.picture(review.evidence)


def described(day: date) -> Sequence[dict[str, Any]]:
    """For people: each kind with what decides about it."""
    return list(_lines(day))


def _lines(day: date) -> Iterator[dict[str, Any]]:
    found = days(day)
    for kind in KINDS:
        keep, rule = found.get(kind, (None, ""))
        yield {"what": kind, "keep_days": keep, "rule": rule}
