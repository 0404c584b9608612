"""Whatever a citizen writes, both formats carry it and stay well-formed."""

import json
from collections.abc import Callable
from typing import TypeVar
from xml.etree import ElementTree as ET

from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.tests.factories import MONDAY
from vonglau.gateways.open311 import arguments
from vonglau.gateways.open311.formats import NOT_IN_XML, Answer, Refused

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
