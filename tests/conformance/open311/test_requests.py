"""Requests as they are listed and found."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conformance.open311 import shapes
from tests.conformance.open311.endpoint import FORMATS, MEDIA, Endpoint

LIST = pytest.mark.section("GET Service Requests")
ONE = pytest.mark.section("GET Service Request")
TOKEN = pytest.mark.section("GET request id from a token")

NOWHERE = "no-such-number-9f2c"
MOST = 1000
SPAN = timedelta(days=90)
SLACK = timedelta(hours=1)
"""Between our clock and the server's."""

Requests = list[dict[str, Any]]


def listed(server: Endpoint, format: str = "json", **query: Any) -> Requests:
    said = server.get("requests", format, query)
    assert said.status == 200, said.body[:300]
    return said.items("service_requests", "request")


def w3c(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@LIST
@pytest.mark.parametrize("format", FORMATS)
def test_each_request_has_its_fields(server: Endpoint, known: Requests, format: str) -> None:
    said = server.get("requests", format)
    assert (said.status, said.media, said.charset) == (200, MEDIA[format], "utf-8")
    found = said.items("service_requests", "request")
    assert found
    assert [fault for one in found for fault in shapes.request(one, format)] == []


@LIST
def test_by_default_90_days_or_1000(server: Endpoint, known: Requests) -> None:
    found = listed(server)
    assert len(found) <= MOST
    oldest = datetime.now(UTC) - SPAN - SLACK
    assert all(shapes.moment(one["requested_datetime"]) >= oldest for one in found)
    assert len({one["service_request_id"] for one in found}) == len(found)


@LIST
@pytest.mark.parametrize("status", ["open", "closed"])
def test_status_filters(server: Endpoint, known: Requests, status: str) -> None:
    assert {one["status"] for one in listed(server, status=status)} <= {status}


@LIST
def test_several_states_by_comma(server: Endpoint, known: Requests) -> None:
    assert listed(server, status="open,closed")


@LIST
def test_service_code_filters_by_comma_too(server: Endpoint, known: Requests) -> None:
    codes = sorted({one["service_code"] for one in known})
    found = listed(server, service_code=codes[0])
    assert found
    assert {one["service_code"] for one in found} == {codes[0]}
    assert {one["service_code"] for one in listed(server, service_code=",".join(codes[:2]))} <= set(codes[:2])


@LIST
def test_a_period_filters(server: Endpoint, known: Requests) -> None:
    at = shapes.moment(known[0]["requested_datetime"])
    start, end = at - timedelta(hours=12), at + timedelta(hours=12)
    found = listed(server, start_date=w3c(start), end_date=w3c(end))
    assert known[0]["service_request_id"] in {one["service_request_id"] for one in found}
    second = timedelta(seconds=1)
    assert all(start - second <= shapes.moment(one["requested_datetime"]) <= end + second for one in found)
    before = listed(server, start_date=w3c(at - timedelta(days=60)), end_date=w3c(at - timedelta(days=1)))
    assert known[0]["service_request_id"] not in {one["service_request_id"] for one in before}


@LIST
def test_a_period_of_more_than_90_days_is_refused_or_cut(server: Endpoint) -> None:
    now = datetime.now(UTC)
    said = server.get("requests", "json", {"start_date": w3c(now - timedelta(days=400)), "end_date": w3c(now)})
    if said.status == 400:
        assert [fault for one in said.items("errors", "error") for fault in shapes.error(one, "json")] == []
        return
    moments = sorted(shapes.moment(one["requested_datetime"]) for one in said.items("service_requests", "request"))
    assert not moments or moments[-1] - moments[0] <= SPAN + SLACK


@LIST
@pytest.mark.parametrize("format", FORMATS)
def test_a_number_overrides_all_other_arguments(server: Endpoint, known: Requests, format: str) -> None:
    one = known[0]
    against = {
        "status": "closed" if one["status"] == "open" else "open",
        "service_code": next((o["service_code"] for o in known if o["service_code"] != one["service_code"]), ""),
        "start_date": "2001-01-01T00:00:00Z",
        "end_date": "2001-01-02T00:00:00Z",
    }
    found = listed(server, format, service_request_id=one["service_request_id"], **against)
    assert [o["service_request_id"] for o in found] == [one["service_request_id"]]


@LIST
def test_several_numbers_by_comma(server: Endpoint, known: Requests) -> None:
    wanted = [one["service_request_id"] for one in known[:2]]
    found = listed(server, service_request_id=",".join(wanted))
    assert {one["service_request_id"] for one in found} == set(wanted)


@LIST
@pytest.mark.parametrize("start", ["yesterday", "2026-13-45T00:00:00Z"])
def test_a_period_that_is_none_is_400(server: Endpoint, start: str) -> None:
    said = server.get("requests", "json", {"start_date": start})
    assert said.status == 400
    assert [fault for one in said.items("errors", "error") for fault in shapes.error(one, "json")] == []


@ONE
@pytest.mark.parametrize("format", FORMATS)
def test_one_request_is_a_list_of_one(server: Endpoint, known: Requests, format: str) -> None:
    number = known[0]["service_request_id"]
    said = server.get(f"requests/{number}", format)
    assert (said.status, said.media) == (200, MEDIA[format])
    [found] = said.items("service_requests", "request")
    assert found["service_request_id"] == number
    assert shapes.request(found, format) == []


@ONE
def test_both_formats_tell_the_same(server: Endpoint, known: Requests) -> None:
    path = f"requests/{known[0]['service_request_id']}"
    [json] = server.get(path, "json").items("service_requests", "request")
    [xml] = server.get(path, "xml").items("service_requests", "request")
    names = ("service_request_id", "status", "service_code", "requested_datetime", "updated_datetime", "description")
    assert {name: json.get(name) for name in names} == {name: xml.get(name) for name in names}
    for name in ("lat", "long"):
        assert (json.get(name) is None) == (xml.get(name) is None)
        assert json.get(name) is None or float(xml[name]) == json[name]


@ONE
@pytest.mark.parametrize("format", FORMATS)
def test_an_unknown_number_is_404(server: Endpoint, format: str) -> None:
    said = server.get(f"requests/{NOWHERE}", format)
    assert (said.status, said.media) == (404, MEDIA[format])
    assert [fault for one in said.items("errors", "error") for fault in shapes.error(one, format)] == []


@TOKEN
@pytest.mark.parametrize("format", FORMATS)
def test_an_unknown_token_is_404(server: Endpoint, format: str) -> None:
    said = server.get(f"tokens/{NOWHERE}", format)
    assert said.status == 404
    assert [fault for one in said.items("errors", "error") for fault in shapes.error(one, format)] == []
