"""What the citizens' form takes, and what it says where it does not."""

import secrets
from datetime import date
from typing import Any

import pytest
from django.test import Client

from vonglau.core.places.models import Ward
from vonglau.core.tests import factories
from vonglau.services.field_reports import text
from vonglau.services.field_reports.models import Content, Report

AT_SEA = {"lat": "16.2", "lon": "109.5"}


@pytest.fixture(autouse=True)
def live(db: None) -> None:
    factories.live()


def sent(language: str = "vi", **changed: str) -> Any:
    given = {
        "key": secrets.token_urlsafe(18),
        "category": "street_light",
        "description": "Đèn tắt",
        "lat": "16.0612",
        "lon": "108.2272",
        **changed,
    }
    headers = {"accept": "application/json", "cookie": f"django_language={language}"}
    return Client().post("/field_reports/", given, headers=headers)


@pytest.mark.parametrize("nothing", ["", " \n\t", "\u200b\u200b\u2060", "\u3164", "\u0301\u0301", "\u2800", "\x00\x07"])
def test_words_that_nobody_can_see_are_none(nothing: str) -> None:
    assert not text.visible(nothing)
    answer = sent(description=nothing)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["description"]
    assert Report.objects.count() == 0


@pytest.mark.parametrize("something", ["🚧", "\U0001fae8", "1", "?", "שלום", "\u200bx"])
def test_whatever_can_be_seen_counts(something: str) -> None:
    assert sent(description=something).status_code == 201


def test_a_zero_byte_is_left_out_of_every_line() -> None:
    answer = sent(description="Đèn\x00 tắt", address="12\x00 Bạch Đằng", contact_name="N\x00am", phone="0905\x00123456")
    assert answer.status_code == 201, answer.json()
    kept = Content.objects.get()
    assert (kept.description, kept.address, kept.contact_name) == ("Đèn tắt", "12 Bạch Đằng", "Nam")
    assert kept.phone == "0905123456"


@pytest.mark.parametrize(
    ("language", "says"), [("vi", "hãy chọn lại điểm, hoặc chọn phường xã"), ("en", "choose the ward")]
)
def test_a_point_at_sea_says_what_to_do_and_calls_no_water_foreign(language: str, says: str) -> None:
    answer = sent(language, **AT_SEA)
    assert answer.status_code == 422
    told = answer.json()["errors"]["ward"]
    assert says in told
    for claim in ("ngoài lãnh thổ", "outside Vietnam", "lat"):
        assert claim not in told


@pytest.mark.parametrize("point", [AT_SEA, {"lat": "21.03", "lon": "105.85"}])
def test_a_ward_that_was_chosen_counts_where_the_phone_stands_outside(point: dict[str, str]) -> None:
    named = {"province_code": "48", "name_vi": "Phường Hải Vân", "name_en": "Hai Van Ward", "short_name_vi": "Hải Vân"}
    Ward.objects.get_or_create(code="20194", defaults={**named, "valid_from": date(2025, 7, 1)})
    assert sent(**point, ward="20194").status_code == 201
    kept = Report.objects.get()
    assert (kept.ward, kept.lon, kept.lat) == ("20194", None, None)


def test_an_address_that_is_none_says_how_one_looks() -> None:
    assert "ten@example.vn" in sent(email="nam@").json()["errors"]["email"]
    assert "name@example.vn" in sent("en", email="nam@").json()["errors"]["email"]
