"""The reports under an incident, as far as whoever looks has asked for them.

The words stand in their public form until somebody asks for what was written, a photo until it was asked for does not stand there at all.
Both stay open for who has looked, since that is on record. Contacts are covered again on every page: a screen is seen by others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language

from vonglau.core.facts import Text, categories
from vonglau.core.incidents.models import Incident
from vonglau.core.people.policy import Actor
from vonglau.services.field_reports import hiding, looking, masking
from vonglau.services.field_reports.desk import later
from vonglau.services.field_reports.looking import Contacts, Seen
from vonglau.services.field_reports.models import SEALED, Content, PhotoReview, Report
from vonglau.services.field_reports.photos import reviews

MOST = 20
"""Reports shown under one incident."""
TEMPLATE = "field_reports/desk/_panel.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """`shown`: address of what may be seen of it now; "" until it is asked for."""

    review: PhotoReview
    shown: str
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One report as its reader may see it now."""

    report: Report
    public: str
    """The words as anybody may read them."""
    parts: Sequence[tuple[str, bool]]
    """The words as written, in order, and which of them the public does not see; empty until they are asked for."""
    answers: Sequence[tuple[str, str]]
    """To the category's own questions; with the words."""
    links: Sequence[str]
    contacts: Contacts | None
    pictures: Sequence[Picture]
    may_look: bool
    written: bool
    """There are words as written."""
    may_hide: bool
    reachable: bool
    """There is a way to reach who sent it."""

    @property
    def asks_words(self) -> bool:
        return self.may_look and self.written and not self.parts

    @property
    def asks_pictures(self) -> bool:
        return self.may_look and any(not one.open for one in self.pictures)

    @property
    def asks_contacts(self) -> bool:
        return self.may_look and self.reachable and self.contacts is None


def panel(request: Any, incident: Incident, *, contacts_of: str = "", unsaid: str = "") -> str:
    """HTML for the incident's page. `contacts_of`: the report whose contacts were asked for just now. `unsaid`: the one that was to be
    hidden or shown without a reason."""
    actor: Actor = request.actor
    rows = Report.objects.filter(incident=incident).select_related("content", "incident__agency")
    reports = list(rows.defer(*_UNREAD).order_by("received_at", "id")[:MOST])
    if not reports:
        return ""
    photos: dict[int, list[PhotoReview]] = {}
    for review in _photos(incident):
        photos.setdefault(review.report_id, []).append(review)
    shown = [_shown(one, actor, photos.get(one.pk, []), contacts_of == one.reference) for one in reports]
    after = later.of(incident, reports, actor)
    context = {
        "incident": incident,
        "shown": shown,
        "may_review": reviews.may_review(actor),
        "unsaid": unsaid,
        "later": after,
        "asks_later": looking.works_on(actor, incident) and any(not one.parts for one in after),
    }
    return render_to_string(TEMPLATE, context, request)


_UNREAD = tuple(f"content__{name}" for name in SEALED)
"""Opened only when they are asked for."""
REACHED_BY = ("contact_name", "email", "phone", "address")


def _photos(incident: Incident) -> Sequence[PhotoReview]:
    """Every photo of a citizen, one too that an adapter sent a moment ago: none is shown before it stands among them."""
    reviews.enrol(incident.world, incident)
    found = PhotoReview.objects.filter(evidence__incident=incident, evidence__erased_at=None)
    return list(found.select_related("evidence", "report").order_by("pk"))


def _shown(report: Report, actor: Actor, photos: Sequence[PhotoReview], contacts: bool) -> Shown:
    content: Content | None = getattr(report, "content", None)
    may, seen = looking.may_look(actor, report), looking.seen(report, actor)
    opened = content is not None and (Seen.WORDS, "") in seen
    return Shown(
        report=report,
        public=content.public_words if content else "",
        parts=masking.parts(content.description, looking.by_hand(content)) if content and opened else (),
        answers=_answers(report, content) if content and opened else (),
        links=content.media_url.split() if content and opened else (),
        contacts=looking.contacts(report, actor) if content and contacts else None,
        pictures=[_picture(one, seen) for one in photos],
        may_look=may,
        written=bool(content and (content.description or content.attributes or content.media_url)),
        may_hide=hiding.may(actor, report),
        reachable=bool(content and content.contacts_kept and _reachable(content.pk)),
    )


def _reachable(pk: int) -> bool:
    """Whether any contact was given; nothing is opened to know."""
    raw = {f"_{name}": Cast(name, TextField()) for name in REACHED_BY}
    given = reduce(or_, (Q(**{f"{name}__gt": ""}) for name in raw))
    return Content.objects.filter(pk=pk).annotate(**raw).filter(given).exists()


def _answers(report: Report, content: Content) -> list[tuple[str, str]]:
    """Each question with what was answered, in the reader's language; a code that is gone as it is."""
    category = categories().get(report.category)
    questions = {one.code: one for one in category.attributes} if category else {}
    language = "en" if (get_language() or "vi").startswith("en") else "vi"

    def words(text: Text) -> str:
        return str(text[language])

    rows = []
    for code, answer in content.attributes.items():
        asked = questions.get(code)
        named = {value.key: words(value.name) for value in asked.values} if asked else {}
        given = answer if isinstance(answer, list) else [answer]
        rows.append((words(asked.name) if asked else code, ", ".join(named.get(str(one), str(one)) for one in given)))
    return rows


def _picture(review: PhotoReview, seen: frozenset[tuple[Seen, str]]) -> Picture:
    shown = _address(review, seen)
    own = reverse("field_reports:desk_photo", args=[review.pk])
    return Picture(review=review, shown=own if shown is None else shown, open=shown is None)


def _address(review: PhotoReview, seen: frozenset[tuple[Seen, str]]) -> str | None:
    """None: as it is. Else what may be seen instead."""
    if (Seen.PHOTO, review.evidence.sha256) in seen or review.state == reviews.PASSED:
        return None
    return reverse("field_reports:desk_photo", args=[review.pk]) if review.state == reviews.MASKED else ""


def pictures(incident: Incident, actor: Actor) -> Mapping[int, str | None]:
    """For the seam: what else on the incident's page may show of citizens' photos."""
    seen: dict[int, frozenset[tuple[Seen, str]]] = {}
    found: dict[int, str | None] = {}
    for review in _photos(incident):
        if review.report_id not in seen:
            review.report.incident = incident
            seen[review.report_id] = looking.seen(review.report, actor)
        found[review.evidence_id] = _address(review, seen[review.report_id])
    return found


def sends(review: PhotoReview, actor: Actor) -> bool | None:
    """Which picture of a photo this person gets now: True the one without masks, False the public one, None none."""
    address = _address(review, looking.seen(review.report, actor))
    return True if address is None else False if address else None
