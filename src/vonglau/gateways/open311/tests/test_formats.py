"""Whatever a citizen writes, both formats carry it and stay well-formed."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import TypeVar
from xml.etree import ElementTree as ET

import pytest
from django.db import OperationalError
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.tests.factories import MONDAY
from vonglau.gateways.open311 import arguments, offers
from vonglau.gateways.open311.formats import MEDIA, NOT_IN_XML, Answer, Refused

T = TypeVar("T")


def answered(ask: Callable[[], T]) -> T | Refused:
    try:
        return ask()
    except Refused as refused:
        return refused


@given(st.text(), st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()))
def test_both_formats_carry_any_text(text: str, value: object) -> None:
    answer = Answer("service_requests", "request", [{"description": text, "value": value}])
    storable = text.encode("utf-8", "replace").decode()
    if storable == text:
        assert json.loads(answer.json())[0] == {"description": text, "value": value}
    [found] = ET.fromstring(answer.xml())
    shown = (found.findtext("description") or "").replace("\r\n", "\n").replace("\r", "\n")
    assert shown == NOT_IN_XML.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")


@given(st.text(max_size=30), st.sampled_from(["lat", "long"]))
def test_a_degree_is_on_the_earth_or_refused(text: str, name: str) -> None:
    most = 90.0 if name == "lat" else 180.0
    answer = answered(lambda: arguments.degrees({name: text}, name, most))
    if isinstance(answer, Refused):
        assert answer.status == 400
        assert name in answer.message
    else:
        assert answer is None or abs(answer) <= most


@given(st.floats(-90, 90))
def test_every_latitude_is_taken_as_it_is(value: float) -> None:
    assert arguments.degrees({"lat": repr(value)}, "lat", 90) == value


@given(st.dictionaries(st.sampled_from(["start_date", "end_date"]), st.one_of(st.text(), st.datetimes().map(str))))
def test_a_period_is_90_days_at_most_or_refused(given_: dict[str, str]) -> None:
    answer = answered(lambda: arguments.window(given_, MONDAY))
    if isinstance(answer, Refused):
        assert answer.status == 400
    else:
        start, end = answer
        assert start <= end <= start + arguments.WINDOW


def test_a_plus_in_a_zone_survives_the_query() -> None:
    query = dict(QueryDict("start_date=2026-11-01T00:00:00+07:00").items())
    found = arguments.moment(query, "start_date")  # type: ignore[arg-type]
    assert found is not None
    assert found.isoformat() == "2026-10-31T17:00:00+00:00"


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["json", "xml"])
def test_an_address_that_is_none_and_a_house_that_stands_still(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = sqlite3.OperationalError("/secret/state.sqlite is gone")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    failures: Iterator[tuple[Exception, Exception | None]] = iter(
        ((OperationalError("gone"), busy), (KeyError("x"), None))
    )

    def stands_still(*_: object) -> None:
        failing, cause = next(failures)
        raise failing from cause

    client = Client(raise_request_exception=False)
    monkeypatch.setattr(offers, "categories", stands_still)
    paths = ("nothing/here", "services", "services")
    answers = [client.get(f"/open311/v2/{path}.{format}") for path in paths]
    assert [answer.status_code for answer in answers] == [404, 503, 500]
    for answer in answers:
        assert answer["Content-Type"] == MEDIA[format]
        if format == "json":
            codes = [one["code"] for one in answer.json()]
        else:
            codes = [int(one.findtext("code") or 0) for one in ET.fromstring(answer.content)]
        assert codes == [answer.status_code]
    assert "secret" not in answers[1].content.decode()
    assert answers[1]["Retry-After"]
