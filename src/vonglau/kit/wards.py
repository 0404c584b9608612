"""Names of wards in the reader's language, fetched once for a page."""

from collections.abc import Iterable

from django.db.models import Exists
from django.utils.translation import get_language

from vonglau.core.places.models import Ward


def language() -> str:
    return get_language() or "vi"


def wards_of(locality: str, *only: Exists) -> dict[str, str]:
    """Names of a locality's wards by code, in alphabetical order of the Vietnamese alphabet as the table gives it."""
    found = Ward.objects.filter(*only, province_code=locality).current()
    named = found.values_list("short_name_vi", "code", _name())
    return {code: name for _short, code, name in sorted(named, key=lambda one: one[0])}


def ward_names(codes: Iterable[str]) -> dict[str, str]:
    """Names of these wards; codes no longer in force are left out."""
    wanted = {code for code in codes if code}
    return dict(Ward.objects.filter(code__in=wanted).current().values_list("code", _name())) if wanted else {}


def _name() -> str:
    """The column of the names in the reader's language."""
    return "name_en" if language().startswith("en") else "name_vi"
