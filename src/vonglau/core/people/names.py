"""What agencies are called: in the reader's language, and on the day that is spoken of."""

from collections.abc import Iterable
from datetime import date

from django.utils.translation import get_language

from vonglau.core.people.models import Agency


def agency_name(agency: Agency | None) -> str:
    """In the reader's language."""
    if agency is None:
        return ""
    return agency.name_en if (get_language() or "vi").startswith("en") else agency.name_vi


class NamesByDay:
    """The names of some agencies, fetched once: what was decided is told under the name that was borne on the day."""

    def __init__(self, codes: Iterable[str]) -> None:
        self._rows: dict[str, list[Agency]] = {}
        for one in Agency.objects.filter(code__in=set(codes)).order_by("valid_from"):
            self._rows.setdefault(one.code, []).append(one)

    def on(self, code: str, day: date) -> str:
        """`valid_to` is the last day of a name. Where none was in force the newest; the code of an agency nobody knows."""
        rows = self._rows.get(code, [])
        then = (one for one in rows if one.valid_from <= day and (one.valid_to is None or day <= one.valid_to))
        found = next(then, rows[-1] if rows else None)
        return agency_name(found) if found is not None else code
