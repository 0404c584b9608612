"""Looking at personal data: who may, and the row that every first look leaves. The only way to words as written and to contacts.

Once per person, report and kind of data: an operator who comes back to the same report within its life adds nothing that was not known.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from vonglau.core import audit
from vonglau.core.errors import NotAllowed, NotFound
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world
from vonglau.services.field_reports import masking
from vonglau.services.field_reports.models import Content, Report
from vonglau.services.field_reports.published import writing

ROLES = frozenset({"operator", "supervisor", "agency"})
"""Whose work may need it. Leaders and administrators see the public form."""


class Seen(StrEnum):
    """What was looked at."""

    WORDS = "words"
    CONTACTS = "contacts"
    PHOTO = "photo"
    """A photo before anything on it was covered."""
    ORIGINAL = "original"
    """A photo as it was sent."""
    LATER = "later"
    """What was written after the report: its reporter's additions, words of verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """How to reach who sent a report; each may be empty."""

    name: str
    email: str
    phone: str
    address: str


def may_look(actor: Actor, report: Report) -> bool:
    """People of the desk, and of the agency that has the matter in hand; never a programme's token."""
    return works_on(actor, report.incident)


def works_on(actor: Actor, incident: Incident) -> bool:
    """Whether what citizens wrote may be opened to this person, as far as it went to this incident."""
    return actor.world is None and actor.role in ROLES and policy.may_see(actor, incident)


def account(report: Report, actor: Actor, what: Seen, photo: str = "") -> None:
    """Write down that this person looks, unless it is written already. Raises NotAllowed."""
    _account(report.incident, actor, report.reference, what, {"sha256": photo} if photo else {})


def account_later(incident: Incident, actor: Actor, reference: str, until: int) -> None:
    """Write down that this person reads what came to an incident after a report, up to row `until` of its chain. Raises NotAllowed."""
    _account(incident, actor, reference, Seen.LATER, {"until": until})


@transaction.atomic
def _account(incident: Incident, actor: Actor, reference: str, what: Seen, more: dict[str, Any]) -> None:
    if not works_on(actor, incident):
        raise NotAllowed("Personal data of a report is for those who work on it.")
    Incident.objects.select_for_update().filter(pk=incident.pk).first()
    body = {"who": actor.name, "step": "look", "report": reference, "what": what.value, **more}
    if any(body.items() <= said.items() for _row, said in audit.rows(incident.stream)):
        return
    at = world(incident.world).now().isoformat(timespec="microseconds")
    audit.record(incident.stream, {"at": at, "role": actor.role, **body})


def seen(report: Report, actor: Actor) -> frozenset[tuple[Seen, str]]:
    """What this person has looked at already, on record: (kind, SHA-256 of a photo or "")."""
    if not may_look(actor, report):
        return frozenset()
    said = (body for _row, body in audit.rows(report.incident.stream) if body.get("step") == "look")
    kinds = frozenset(Seen)
    return frozenset(
        (Seen(body["what"]), str(body.get("sha256", "")))
        for body in said
        if (body.get("who"), body.get("report")) == (actor.name, report.reference) and body.get("what") in kinds
    )


def content(report: Report) -> Content:
    """Raises NotFound where it was erased."""
    found = Content.objects.filter(report=report).first()
    if found is None:
        raise NotFound("The words and contacts of this report were erased.")
    return found


def words(report: Report, actor: Actor) -> str:
    """The words as the citizen wrote them. Raises NotAllowed, NotFound."""
    account(report, actor, Seen.WORDS)
    return content(report).description


def contacts(report: Report, actor: Actor) -> Contacts:
    """How to reach the reporter. Raises NotAllowed, NotFound."""
    account(report, actor, Seen.CONTACTS)
    found = content(report)
    return Contacts(name=found.contact_name, email=found.email, phone=found.phone, address=found.address)


def by_hand(kept: Content) -> masking.ByHand:
    """What a person decided about the words, from its row."""

    def spans(name: str) -> tuple[masking.Span, ...]:
        return tuple(masking.Span(start, end) for start, end in kept.masks.get(name, ()))

    return masking.ByHand(added=spans("added"), removed=spans("removed"))


@transaction.atomic
def mask(report: Report, actor: Actor, wanted: masking.ByHand) -> str:
    """Cover more or less of the words than the rules do; the words as the public now reads them. Raises NotAllowed, NotFound.

    The chain holds how many spans there are and by whom, never where: that would point at what is covered.
    """
    account(report, actor, Seen.WORDS)
    kept = Content.objects.select_for_update().get(pk=content(report).pk)
    kept.masks = {
        "added": [[one.start, one.end] for one in wanted.added],
        "removed": [[one.start, one.end] for one in wanted.removed],
    }
    kept.public_words = masking.public(kept.description, by_hand(kept))
    kept.save(update_fields=["masks", "public_words"])
    writing.publish([report.pk])
    body = {
        "at": world(report.world).now().isoformat(timespec="microseconds"),
        "who": actor.name,
        "role": actor.role,
        "step": "mask",
        "report": report.reference,
        "added": len(wanted.added),
        "shown": len(wanted.removed),
    }
    audit.record(report.incident.stream, body)
    desk.tell(report.incident, "mask", actor.name)
    return kept.public_words
