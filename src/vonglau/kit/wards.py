"""Names of wards in the reader's language, fetched once for a page."""

from collections.abc import Iterable

from django.utils.translation import get_language

from vonglau.core.places.models import Ward


def language() -> str:
    return get_language() or "vi"


def wards_of(locality: str) -> dict[str, str]:
    """Names of a locality's wards by code, in alphabetical order of the Vietnamese alphabet as the table gives it."""
    found = Ward.objects.filter(province_code=locality).current()
    return {ward.code: ward.name(language()) for ward in sorted(found, key=lambda ward: ward.short_name_vi)}


def ward_names(codes: Iterable[str]) -> dict[str, str]:
    """Names of these wards; codes no longer in force are left out."""
    wanted = {code for code in codes if code}
    return (
        {ward.code: ward.name(language()) for ward in Ward.objects.filter(code__in=wanted).current()} if wanted else {}
    )
