"""Agencies under the name of the day, and who usually handles what: both are told to people, who decide."""

from datetime import date, timedelta

import pytest
from django.utils import translation

from vonglau.core.facts import WARD_AGENCY, Category, categories
from vonglau.core.people.models import Agency
from vonglau.core.people.names import NamesByDay
from vonglau.core.routing.rules import usual
from vonglau.core.tests import factories

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 20)


def test_a_name_holds_through_its_last_day() -> None:
    old = factories.agency("so", name_vi="Sở Cũ", name_en="Old")
    Agency.objects.filter(pk=old.pk).update(valid_to=DAY)
    Agency.objects.create(code="so", valid_from=DAY + timedelta(1), name_vi="Sở Mới", name_en="New", kind="department")
    names = NamesByDay(["so", "so"])
    assert [names.on("so", DAY + timedelta(n)) for n in (-1, 0, 1)] == ["Sở Cũ", "Sở Cũ", "Sở Mới"]
    with translation.override("en"):
        assert names.on("so", DAY) == "Old"
    assert names.on("nobody", DAY) == "nobody"
    assert names.on("so", date(1990, 1, 1)) == "Sở Mới"


@pytest.mark.parametrize("category", list(categories().values()), ids=lambda category: category.code)
def test_who_usually_handles_it_is_somebody_who_exists(category: Category) -> None:
    factories.live()
    for code, kind, wards in (
        ("ubnd-a", "ward", ["20194"]),
        ("ubnd-b", "ward", ["20195"]),
        ("so-xay-dung", "department", []),
    ):
        factories.agency(code, kind=kind, wards=wards)
    found = usual("live", category.code, "20195", DAY)
    if category.agency == WARD_AGENCY:
        assert found == "ubnd-b"
        assert usual("live", category.code, "", DAY) == ""
    else:
        assert found == ("so-xay-dung" if category.agency == "so-xay-dung" else "")
