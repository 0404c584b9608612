"""What stands in the tables after loading, and what maps are drawn from."""

import json
from collections.abc import Iterator
from datetime import date

import pytest
import shapely

from vonglau.core.errors import NotFound
from vonglau.core.places.load import load_places, main_parts
from vonglau.core.places.models import Locality, LocalitySuccession, PlacesEdition, Ward, WardBorder
from vonglau.core.places.outline import bounds, neighbours_outline, ward_outlines

pytestmark = pytest.mark.django_db
Progress = list[tuple[int, int]]


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker) -> Iterator[tuple[dict[str, int], Progress]]:  # type: ignore[no-untyped-def]
    """The tables, loaded once for this module and taken back afterwards."""
    from django.db import transaction

    seen: Progress = []
    with django_db_blocker.unblock(), transaction.atomic():
        yield load_places(lambda done, total: seen.append((done, total))), seen
        transaction.set_rollback(True)


def test_every_unit_is_loaded_with_honest_progress(loaded: tuple[dict[str, int], Progress]) -> None:
    counts, seen = loaded
    assert counts == {"Locality": 99, "LocalitySuccession": 65, "Ward": 3331, "WardBorder": 3321, "LocalityBorder": 34}
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == 99 + 3331 + 3321 + 34


def test_loading_again_changes_nothing(loaded: object) -> None:
    before = list(Ward.objects.order_by("id").values_list("id", "code")[:3])
    again: Progress = []
    assert load_places(lambda done, total: again.append((done, total)))["WardBorder"] == 3321
    assert again == []
    assert list(Ward.objects.order_by("id").values_list("id", "code")[:3]) == before


def test_a_changed_file_is_loaded_anew(loaded: object) -> None:
    PlacesEdition.objects.update(digest="another")
    Ward.objects.filter(code="20242").update(name_vi="Sai")
    load_places()
    assert Ward.objects.get(code="20242").name_vi == "Phường Hải Châu"


def test_x_of_n_says_which_n(loaded: object) -> None:
    municipalities = {"type": "Thành phố trực thuộc trung ương"}
    for day, localities, centrally_run in (
        (date(2020, 7, 1), 63, 5),
        (date(2025, 1, 1), 63, 6),
        (date(2025, 7, 1), 34, 6),
        (date(2026, 4, 30), 34, 7),
    ):
        assert Locality.objects.on(day).count() == localities
        assert Locality.objects.on(day).filter(**municipalities).count() == centrally_run
    assert Locality.objects.on(date(2018, 7, 31)).count() == 0
    assert Ward.objects.on(date(2026, 4, 29)).count() == Ward.objects.on(date(2026, 4, 30)).count() == 3321
    assert Ward.objects.on(date(2025, 7, 1)).filter(type="Phường").count() == 687
    assert Ward.objects.current().filter(type="Phường").count() == 697


def test_a_ward_is_named_as_on_the_day(loaded: object) -> None:
    assert Ward.objects.on(date(2026, 1, 1)).get(code="26368").name_vi == "Xã Long Thành"
    assert Ward.objects.on(date(2026, 5, 1)).get(code="26368").name("en") == "Long Thanh Ward"


def test_lineage_is_in_the_tables(loaded: object) -> None:
    parts = LocalitySuccession.objects.filter(successor__code="48", in_force=date(2025, 7, 1))
    assert sorted(parts.values_list("predecessor__code", flat=True)) == ["48", "49"]
    dong_nai = LocalitySuccession.objects.get(in_force=date(2026, 4, 30))
    assert (dong_nai.predecessor.name_vi, dong_nai.successor.name_vi) == ("Tỉnh Đồng Nai", "Thành phố Đồng Nai")


def test_ward_outlines_are_the_stored_borders(loaded: object) -> None:
    collection = json.loads(ward_outlines("48"))
    wards = {feature["id"]: feature for feature in collection["features"]}
    assert len(wards) == 94
    hai_chau = wards[20242]
    assert hai_chau["properties"]["code"] == "20242"
    assert hai_chau["properties"]["name_vi"] == "Phường Hải Châu"
    assert hai_chau["properties"]["name_en"] == "Hai Chau Ward"
    stored = shapely.from_wkb(bytes(WardBorder.objects.get(code="20242").wkb))
    assert shapely.equals_exact(shapely.from_geojson(json.dumps(hai_chau["geometry"])), stored, tolerance=1e-9)
    for feature in wards.values():
        place = shapely.from_geojson(json.dumps(feature["geometry"]))
        label = shapely.Point(feature["properties"]["label_lon"], feature["properties"]["label_lat"])
        assert shapely.covers(place, label)
    with pytest.raises(NotFound, match="vonglau init"):
        ward_outlines("99")


def test_neighbours_leave_no_gap_along_the_own_border(loaded: object) -> None:
    features = json.loads(neighbours_outline("48"))["features"]
    assert len(features) == 33
    assert 48 not in {feature["id"] for feature in features}
    others = [shapely.make_valid(shapely.from_geojson(json.dumps(feature["geometry"]))) for feature in features]
    borders = WardBorder.objects.exclude(province_code="48").filter(code__in=("19813", "21193", "21364"))
    beside = shapely.union_all([shapely.from_wkb(bytes(border.wkb)) for border in borders])
    own = WardBorder.objects.filter(province_code="48")
    mine = shapely.union_all([shapely.from_wkb(bytes(border.wkb)) for border in own])
    strip = shapely.intersection(shapely.buffer(mine, 0.01), beside)
    assert shapely.area(shapely.difference(strip, shapely.union_all([*others, mine]))) < 1e-9


def test_far_islands_stay_on_the_map_but_not_in_the_first_view(loaded: object) -> None:
    mainland, full = bounds("48")
    assert mainland[2] < 109 < 111 < full[2]
    codes = {feature["id"] for feature in json.loads(ward_outlines("48"))["features"]}
    assert 20333 in codes  # Đặc khu Hoàng Sa
    khanh_hoa = next(f for f in json.loads(neighbours_outline("48"))["features"] if f["id"] == 56)
    assert shapely.bounds(shapely.from_geojson(json.dumps(khanh_hoa["geometry"])))[2] > 112  # Đặc khu Trường Sa
    an_giang, _ = bounds("91")
    assert an_giang[0] < 104  # Phú Quốc is near enough to belong to the first view
    with pytest.raises(NotFound):
        bounds("99")


def test_main_parts_follow_chains_of_islands() -> None:
    islands = shapely.multipolygons(
        [shapely.box(x, 0, x + 1, 1) for x in (0, 1.4, 2.8, 9)] + [shapely.box(-9, -9, -7, -7)]
    )
    assert shapely.bounds(main_parts(islands)).tolist() == [-9, -9, -7, -7]
    chain = shapely.multipolygons([shapely.box(x, 0, x + 1, 1) for x in (1.4, 2.8, 9)] + [shapely.box(-9, 0, 1, 3)])
    assert shapely.bounds(main_parts(chain)).tolist() == [-9, 0, 3.8, 3]
