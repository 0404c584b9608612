"""What an administrator does to agencies. They are dated: a new name is a new row valid from a day, and what was decided keeps the old one.

Work that is not finished (a result may still be objected to) goes along with the people; what has ended stays with the row that ended it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN, State
from vonglau.core.people.models import Agency, User

KINDS = ("department", "ward", "police", "company", "centre")


@dataclass(frozen=True, slots=True)
class Particulars:
    """What may change without a new row: where letters go, and what it usually handles."""

    email: str = ""
    wards: Sequence[str] = ()
    categories: Sequence[str] = ()


def make(code: str, name_vi: str, name_en: str, kind: str, since: date, what: Particulars, by: str) -> Agency:
    """A new agency. BadInput for an unknown kind or a code that is in use."""
    if kind not in KINDS:
        raise BadInput(f"There is no kind {kind!r}: use {', '.join(KINDS)}.", pointer="/kind")
    if Agency.objects.filter(code=code).exists():
        raise BadInput(f"There is an agency {code!r} already: rename it instead.", pointer="/code")
    with transaction.atomic():
        made = Agency.objects.create(
            code=code,
            valid_from=since,
            name_vi=name_vi,
            name_en=name_en,
            kind=kind,
            email=what.email,
            wards=list(what.wards),
            categories=list(what.categories),
        )
        audit.record(f"agency/{code}", {"step": "create", "by": by, "name": name_vi, "since": since.isoformat()})
    return made


def change(agency: Agency, what: Particulars, by: str) -> None:
    with transaction.atomic():
        agency.email, agency.wards, agency.categories = what.email, list(what.wards), list(what.categories)
        agency.save(update_fields=["email", "wards", "categories"])
        audit.record(
            f"agency/{agency.code}",
            {"step": "particulars", "by": by, "wards": agency.wards, "categories": agency.categories},
        )


def rename(agency: Agency, name_vi: str, name_en: str, since: date, by: str) -> Agency:
    """From a day on it has another name: a new row; its people move to it. Conflict when the row has ended already."""
    if agency.valid_to is not None:
        raise Conflict("This name has ended already: rename the one that is in force.")
    _check(agency, since)
    with transaction.atomic():
        made = Agency.objects.create(
            code=agency.code,
            valid_from=since,
            name_vi=name_vi,
            name_en=name_en,
            kind=agency.kind,
            email=agency.email,
            wards=agency.wards,
            categories=agency.categories,
        )
        moved = _hand_over(agency, made, since, by)
        body = {"step": "rename", "by": by, "name": name_vi, "since": since.isoformat(), **moved}
        audit.record(f"agency/{agency.code}", body)
    return made


def merge(agency: Agency, into: Agency, since: date, by: str) -> None:
    """From a day on another agency does its work: it ends, its wards, categories and people go over."""
    if agency.valid_to is not None or into.valid_to is not None or agency.code == into.code:
        raise Conflict("Both agencies must be in force, and two.")
    _check(agency, since)
    with transaction.atomic():
        moved = _hand_over(agency, into, since, by)
        into.wards = [*into.wards, *(one for one in agency.wards if one not in into.wards)]
        into.categories = [*into.categories, *(one for one in agency.categories if one not in into.categories)]
        into.save(update_fields=["wards", "categories"])
        body = {"step": "merge", "by": by, "into": into.code, "since": since.isoformat(), **moved}
        audit.record(f"agency/{agency.code}", body)
        audit.record(f"agency/{into.code}", {**body, "from": agency.code})


def _check(agency: Agency, since: date) -> None:
    if not agency.valid_from < since <= timezone.localdate():
        raise BadInput(
            f"Give a day after {agency.valid_from} and not after today: do what comes later when it comes.",
            pointer="/since",
        )


def _hand_over(agency: Agency, to: Agency, since: date, by: str) -> dict[str, int]:
    """End a row the day before; its people and its unfinished work go over. How many of each."""
    agency.valid_to = since - timedelta(days=1)
    agency.save(update_fields=["valid_to"])
    people = User.objects.filter(agency=agency).update(agency=to)
    unfinished = Incident.objects.filter(agency=agency, state__in=(*OPEN, State.RESOLVED))
    if agency.code == to.code:  # the same agency under another name: nothing has changed hands
        return {"people": people, "open": unfinished.update(agency=to)}
    moved = 0
    for incident in unfinished.select_for_update().order_by("pk"):
        desk.hand_over(incident, to, by)
        moved += 1
    return {"people": people, "open": moved}


def in_force(on: date) -> Q:
    return Q(valid_from__lte=on) & (Q(valid_to=None) | Q(valid_to__gte=on))
