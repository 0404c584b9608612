"""Agencies as they existed on a day."""

from datetime import date
from typing import Any

from django.db.models import Q, QuerySet

from vonglau.core.errors import BadInput
from vonglau.core.facts import AgencyFile
from vonglau.core.people.models import Agency
from vonglau.core.words import plain


def agencies(on: date) -> "QuerySet[Agency]":
    """Every agency that exists on that day, the centre itself left out: it assigns, it is not assigned to."""
    valid = Q(valid_from__lte=on) & (Q(valid_to__isnull=True) | Q(valid_to__gte=on))
    return Agency.objects.filter(valid).exclude(kind="centre").order_by("name_vi")


def agency(code: str, on: date) -> Agency:
    found = agencies(on).filter(code=code).first()
    if found is None:
        raise BadInput(
            f"There is no agency {code!r} on {on}; Administration, Agencies lists those that exist and adds one.",
            pointer="/agency",
        )
    return found


def successor(agency: Agency) -> Agency | None:
    """The same agency under the name it has now; None when there is none of its code any more."""
    return agency if agency.valid_to is None else Agency.objects.filter(code=agency.code, valid_to=None).first()


def suggested(on: date, *, category: str = "", ward: str = "", usual: str = "") -> list[Agency]:
    """Agencies in the order a person would think of them: the usual one, the category's, the ward's, then the rest."""

    def place(agency: Agency) -> tuple[int, str]:
        if usual and agency.code == usual:
            return (0, agency.name_vi)
        if category and category in agency.categories:
            return (1, agency.name_vi)
        if ward and ward in agency.wards:
            return (2, agency.name_vi)
        return (3, agency.name_vi)

    return sorted(agencies(on), key=place)


def matching(rows: "QuerySet[Any]", asked: str, *fields: str) -> "QuerySet[Any]":
    """Rows in whose fields every word stands, whatever its capitals and marks: `dang` finds `Đặng`.

    Compared here: databases disagree about Vietnamese letters, and there are a few thousand rows at most.
    """
    wanted = (plain(asked) or "").split()[:5]
    if not wanted:
        return rows
    texts = rows.order_by().values_list("pk", *fields)
    found = [pk for pk, *said in texts if all(word in (plain(" ".join(map(str, said))) or "") for word in wanted)]
    return rows.filter(pk__in=found)


def load_agencies(file: AgencyFile) -> int:
    """Take over a locality's agencies from its facts; the same file again changes nothing but what it says anew."""
    for fact in file.agencies:
        Agency.objects.update_or_create(
            code=fact.code,
            valid_from=fact.valid_from,
            defaults={
                "name_vi": fact.name.vi,
                "name_en": fact.name.en,
                "kind": fact.kind,
                "email": fact.email,
                "wards": list(fact.wards),
                "categories": list(fact.categories),
            },
        )
    return len(file.agencies)
