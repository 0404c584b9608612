"""Whose a point is that does not lie in the city: told to the citizen, who can then turn to the right authority."""

from dataclasses import dataclass
from functools import lru_cache

import shapely
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from vonglau.core.facts import data_path
from vonglau.core.places.models import Locality, Ward, WardBorder
from vonglau.core.places.source import PROVINCES, Units, read_units
from vonglau.core.worlds import World, WorldKind
from vonglau.services.field_reports import intake


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A place of the country outside this city; names in the reader's language."""

    ward: str
    """Empty where only the locality is known."""
    locality: str


@lru_cache(maxsize=1)
def _provinces() -> Units:
    """34 outlines: a hundredth of the memory of the map of wards, for a question that is rarely asked."""
    return read_units(data_path(*PROVINCES))


def elsewhere(lon: float, lat: float) -> Elsewhere | None:
    """The ward and locality of any point of the country; None abroad and at sea. Precise to about 100 m."""
    point, provinces = shapely.Point(lon, lat), _provinces()
    inside = shapely.contains(provinces.shapes, point).nonzero()[0]
    if not len(inside):
        return None
    fact = provinces.facts[int(inside[0])]
    ward = next(
        (
            border.code
            for border in WardBorder.objects.filter(province_code=fact.code, valid_to=None).iterator(chunk_size=50)
            if shapely.from_wkb(bytes(border.wkb)).contains(point)
        ),
        None,
    )
    named = Ward.objects.filter(code=ward, valid_to=None).first() if ward else None
    whole = Locality.objects.filter(code=fact.code, valid_to=None).first() or fact
    english = (get_language() or "vi").startswith("en")
    return Elsewhere(
        ward=(named.name_en if english else named.name_vi) if named else "",
        locality=whole.name_en if english else whole.name_vi,
    )


def refusal(in_world: World, lon: float | None, lat: float | None) -> str:
    """Why a report of this point cannot be taken by this city, saying whose it is; "" when it can.

    A drill or a recording may play with the points of another city.
    """
    if lon is None or lat is None or in_world.kind != WorldKind.LIVE or not in_world.locality:
        return ""
    if intake.locate(in_world, lon, lat) is not None:
        return ""
    found = elsewhere(lon, lat)
    if found is None:
        return _(
            "Điểm này không nằm trong phường, xã, đặc khu nào, như trên mặt biển: hãy chọn lại điểm, hoặc chọn phường xã."
        )
    where = ", ".join(filter(None, (found.ward, found.locality)))
    return _("Điểm này không thuộc địa bàn mà thuộc %(where)s: hãy gửi phản ánh tới chính quyền nơi đó.") % {
        "where": where
    }
