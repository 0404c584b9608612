"""The interface as its callers meet it: shapes, codes and words of GeoReport v2, in both formats."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from PIL import Image

from vonglau.core.events import from_us
from vonglau.core.facts import categories
from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.models import ApiToken
from vonglau.core.tests import factories
from vonglau.core.worlds import world
from vonglau.gateways.open311.tests.conftest import Send
from vonglau.kit import tokens
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import PublicReport, Report

BASE = "/open311/v2"
HIDDEN = ("nam@example.vn", "0905123456", "Nam", "Bạch Đằng", "example.vn/a.jpg")


def get(path: str, **query: Any) -> Any:
    return Client().get(f"{BASE}/{path}", query)


def ids(answer: Any) -> list[str]:
    return [one["service_request_id"] for one in answer.json()]


def step(report: Report, name: str, **details: Any) -> Incident:
    return desk.take(report.world, report.incident.ref, name, factories.SUPERVISOR, Details(**details))


# ---------------------------------------------------------------------------------------------- what is offered


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["json", "xml"])
def test_services_in_both_formats(format: str) -> None:
    answer = get(f"services.{format}")
    assert answer.status_code == 200
    if format == "json":
        assert answer["Content-Type"] == "application/json; charset=utf-8"
        codes = [one["service_code"] for one in answer.json()]
        assert all(one["type"] == "realtime" for one in answer.json())
        asks = {one["service_code"]: one["metadata"] for one in answer.json()}
    else:
        assert answer["Content-Type"] == "text/xml; charset=utf-8"
        assert answer.content.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
        root = ET.fromstring(answer.content)
        assert root.tag == "services"
        codes = [one.findtext("service_code") for one in root.findall("service")]
        asks = {one.findtext("service_code"): one.findtext("metadata") == "true" for one in root}
    assert codes == list(categories())
    assert asks == {code: bool(one.attributes) for code, one in categories().items()}


@pytest.mark.django_db
def test_a_definition_is_one_object_and_an_unknown_one_404() -> None:
    assert get("services/other.json").json() == {"service_code": "other", "attributes": []}
    root = ET.fromstring(get("services/other.xml").content)
    assert (root.tag, [child.tag for child in root]) == ("service_definition", ["service_code", "attributes"])
    for format in ("json", "xml"):
        assert get(f"services/nope.{format}").status_code == 404


@pytest.mark.django_db
def test_a_definition_tells_the_questions_in_order_and_in_the_readers_language() -> None:
    plain = get("services/street_light.json").json()["attributes"]
    assert [one["order"] for one in plain] == [1, 2, 3]
    assert [one["datatype"] for one in plain] == ["singlevaluelist", "string", "number"]
    assert plain[0]["values"][0] == {"key": "dark", "name": "Không sáng"}
    assert "values" not in plain[1]
    english = get("services/street_light.xml", locale="en")
    assert english["Content-Language"] == "en"
    first = ET.fromstring(english.content).find("attributes/attribute")
    assert first is not None
    assert first.findtext("description") == "What is wrong with the lamp?"
    assert [one.findtext("key") for one in first.findall("values/value")] == [one["key"] for one in plain[0]["values"]]
    assert first.findtext("required") == "false"
    shown = get("services/power_cable.json").json()["attributes"]
    assert [one["variable"] for one in shown] == [False]


@pytest.mark.django_db
def test_discovery_says_where_and_in_which_formats() -> None:
    told = get("discovery.json").json()
    assert {"changeset", "contact", "key_service", "endpoints"} <= told.keys()
    [endpoint] = told["endpoints"]
    assert endpoint["url"] == "http://testserver/open311/v2"
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert datetime.fromisoformat(told["changeset"]).tzinfo is not None
    root = ET.fromstring(get("discovery.xml").content)
    assert [one.text for one in root.findall("endpoints/endpoint/formats/format")] == endpoint["formats"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["services.yaml", "requests/PA-1.html", "discovery.txt"])
def test_another_format_is_404(path: str) -> None:
    answer = get(path)
    assert answer.status_code == 404
    assert answer.json()[0]["code"] == 404


# ---------------------------------------------------------------------------------------------- sending


def test_a_submission_is_answered_with_its_id(send: Send) -> None:
    answer = send()
    assert answer.status_code == 200
    [told] = answer.json()
    report = Report.objects.get(reference=told["service_request_id"])
    assert told.keys() == {"service_request_id", "service_notice", "account_id"}
    assert report.content.description == "Đèn đường tắt <b>từ tối qua</b>"
    assert (report.content.contact_name, report.content.email) == ("Nam", "nam@example.vn")
    assert report.incident.origin == "report"
    assert (report.sent_by, report.source, report.world) == ("token:app", "open311", "live")
    root = ET.fromstring(send("xml").content)
    assert root.tag == "service_requests"
    assert root.findtext("request/service_request_id", "").startswith("PA-")


def test_a_bearer_header_is_a_key_too(send: Send, key: str) -> None:
    assert send(api_key=None, headers={"Authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize("format", ["json", "xml"])
def test_without_a_key_or_with_a_wrong_one_403(send: Send, format: str) -> None:
    reader = tokens.mint("reader", ["read"], "live")[0]
    for wrong in (None, "", "vl_wrong", "nope", reader):
        answer = send(format, api_key=wrong)
        assert answer.status_code == 403
        if format == "json":
            assert [one["code"] for one in answer.json()] == [403]
        else:
            assert ET.fromstring(answer.content).findtext("error/code") == "403"
    assert not Report.objects.exists()


def test_a_revoked_key_is_refused(send: Send) -> None:
    ApiToken.objects.update(revoked_at=datetime.now(UTC))
    tokens.forget()
    assert send().status_code == 403


@pytest.mark.parametrize(
    ("changed", "status", "names"),
    [
        ({"service_code": None}, 400, "service_code"),
        ({"service_code": "nope"}, 404, "nope"),
        ({"lat": None}, 400, "lat"),
        ({"long": ""}, 400, "long"),
        ({"lat": "91"}, 400, "lat"),
        ({"long": "-180.01"}, 400, "long"),
        ({"lat": "nan"}, 400, "lat"),
        ({"lat": "1_6"}, 400, "lat"),
        ({"long": "108,2"}, 400, "long"),
        ({"lat": None, "long": None, "address_string": None}, 400, "address_string"),
        ({"lat": None, "long": None, "address_string": None, "address_id": "7"}, 400, "address_id"),
        ({"description": "x" * 4001}, 400, "description"),
        ({"description": "a\x00b"}, 400, "description"),
        ({"email": "not an address"}, 400, "email"),
        ({"media_url": "javascript:alert(1)"}, 400, "media_url"),
        ({"phone": "1" * 41}, 400, "phone"),
    ],
)
def test_what_cannot_be_used_is_named(send: Send, changed: dict[str, Any], status: int, names: str) -> None:
    answer = send(**changed)
    assert answer.status_code == status
    assert names in answer.json()[0]["description"]
    assert not Report.objects.exists()


def test_all_faults_are_named_at_once(send: Send) -> None:
    answer = send(email="x", description="x" * 4001, media_url="ftp://x")
    assert len(answer.json()) == 3


def test_empty_arguments_are_absent(send: Send) -> None:
    answer = send(email="", phone="", media_url="", lat="", long="")
    assert answer.status_code == 200
    report = Report.objects.get()
    assert (report.lon, report.ward, report.content.address) == (None, "", "12 Bạch Đằng")


def test_forms_are_utf8_urlencoded_or_multipart(send: Send, key: str) -> None:
    form = f"api_key={key}&service_code=waste&lat=16.06&long=108.22&description={quote_plus('Rác tồn đọng')}"
    url, kind = f"{BASE}/requests.json", "application/x-www-form-urlencoded; charset=utf-8"
    assert Client().post(url, form, content_type=kind).status_code == 200
    assert Report.objects.get().content.description == "Rác tồn đọng"
    for body, media in (
        (form + "%ff%fe", kind),
        (form.encode() + b"\xff", kind),
        (form + "&a=1" * 300, kind),
        ("{}", "application/json"),
        ("--x\r\nbroken", "multipart/form-data; boundary=x"),
    ):
        answer = Client().post(url, body, content_type=media)
        assert answer.status_code in (400, 403), body
        assert isinstance(answer.json(), list)
    assert Report.objects.count() == 1


def test_sent_again_under_its_key_it_is_kept_once(send: Send) -> None:
    first = send(headers={"Idempotency-Key": "abc"}).json()
    assert send(headers={"Idempotency-Key": "abc"}).json() == first
    assert send(headers={"Idempotency-Key": "abc"}, description="other").status_code == 409
    assert send(headers={"Idempotency-Key": "x" * 81}).status_code == 400
    assert send().json() != first
    assert Report.objects.count() == 2


def photo(mode: str = "RGB") -> io.BytesIO:
    out = io.BytesIO()
    Image.new(mode, (40, 30), "red").save(out, "JPEG")
    out.seek(0)
    out.name = "a.jpg"
    return out


def test_a_photo_becomes_evidence_or_nothing_is_kept(send: Send) -> None:
    broken = io.BytesIO(b"no photo")
    broken.name = "a.jpg"
    assert send(media=broken).status_code == 400
    assert not Report.objects.exists()
    assert not Incident.objects.exists()
    assert send(media=photo()).status_code == 200
    assert Evidence.objects.get().incident == Incident.objects.get()


# ---------------------------------------------------------------------------------------------- reading


def test_a_request_says_where_it_stands_and_nothing_about_who(send: Send) -> None:
    [sent] = send().json()
    report = Report.objects.get()
    [told] = get(f"requests/{sent['service_request_id']}.json").json()
    assert (told["status"], told["service_code"], told["description"]) == ("open", "street_light", None)
    assert told["lat"] == 16.0605
    assert told["requested_datetime"].endswith("+07:00")
    assert told["expected_datetime"] is not None
    step(report, "verify")
    agency = factories.agency()
    step(report, "assign", agency=agency.code)
    [told] = get(f"requests/{sent['service_request_id']}.json").json()
    assert told["description"] == "Đèn đường tắt <b>từ tối qua</b>"
    assert told["agency_responsible"] == "Sở Xây dựng"
    step(report, "start")
    factories.prove(report.incident)
    step(report, "resolve", outcome="fixed", why="đã thay bóng")
    [told] = get(f"requests/{sent['service_request_id']}.json").json()
    assert told["status"] == "closed"
    assert "Đã khắc phục" in told["status_notes"]
    report.refresh_from_db()
    assert datetime.fromisoformat(told["updated_datetime"]) == report.incident.resolved_at.replace(microsecond=0)
    body = get("requests.xml").content.decode() + get("requests.json").content.decode()
    assert not [word for word in HIDDEN if word in body]
    assert "&lt;b&gt;" in body


def test_refused_words_stay_hidden_and_merged_ones_follow_their_keeper(send: Send) -> None:
    send(), send(), send()
    first, second, third = Report.objects.order_by("id")
    step(first, "refuse", outcome="unfounded", why="không có", reason="not_found")
    step(second, "merge", keeper=third.incident.ref)
    step(third, "verify")
    told = {one["service_request_id"]: one for one in get("requests.json").json()}
    assert told[first.reference]["status"] == "closed"
    assert told[first.reference]["description"] is None
    assert told[second.reference]["status"] == "open"
    assert told[second.reference]["description"] is None, "its own words were never verified"
    assert set(ids(get("requests.json", status="open"))) == {second.reference, third.reference}
    assert ids(get("requests.json", status="closed")) == [first.reference]
    assert len(ids(get("requests.json", status="open,closed"))) == 3


def test_an_unknown_request_is_404_and_a_list_leaves_it_out(send: Send) -> None:
    [sent] = send().json()
    reference = sent["service_request_id"]
    assert get("requests/PA-0.json").status_code == 404
    assert get("requests/PA-0.xml").status_code == 404
    assert ids(get("requests.json", service_request_id=f"PA-0, {reference}", status="closed")) == [reference]


def test_lists_filter_by_service_period_and_page(send: Send) -> None:
    for code in ("street_light", "waste", "waste"):
        send(service_code=code)
    assert len(ids(get("requests.json", service_code="waste"))) == 2
    assert len(ids(get("requests.json", service_code="waste,street_light"))) == 3
    assert get("requests.json", service_code="nope").status_code == 404
    pages = [ids(get("requests.json", page=n, page_size=2)) for n in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 1, 0]
    assert pages[0] + pages[1] == ids(get("requests.json"))
    now = datetime.now(UTC)
    old = (now - timedelta(days=100)).isoformat()
    assert ids(get("requests.json", start_date=old, end_date=(now - timedelta(days=20)).isoformat())) == []
    assert len(ids(get("requests.json", start_date=(now - timedelta(days=1)).isoformat()))) == 3
    PublicReport.objects.filter(category="waste").update(received_at=now - timedelta(days=91))
    assert len(ids(get("requests.json"))) == 1, "90 days by default"


@pytest.mark.parametrize(
    "query",
    [
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-05-01T00:00:00Z"},
        {"start_date": "2026-02-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"},
        {"start_date": "2026-01-01T00:00:00"},
        {"start_date": "yesterday"},
        {"start_date": "0001-01-01T00:00:00+14:00"},
        {"end_date": "9999-12-31T23:59:59-14:00"},
        {"status": "maybe"},
        {"page": "0"},
        {"page": "1e3"},
        {"page_size": "1001"},
        {"service_request_id": ",".join(map(str, range(1001)))},
        {"service_request_id": "a\x00"},
    ],
)
def test_questions_that_cannot_be_answered(key: str, query: dict[str, str]) -> None:
    answer = get("requests.json", **query)
    assert answer.status_code == 400
    assert [one["code"] for one in answer.json()] == [400]


def test_worlds_never_mix(send: Send) -> None:
    drill = tokens.mint("drill", ["reports:write", "read"], "drill-1")[0]
    [practised] = send(api_key=drill).json()
    assert ids(get("requests.json")) == []
    assert get(f"requests/{practised['service_request_id']}.json").status_code == 404
    assert ids(get("requests.json", api_key=drill)) == [practised["service_request_id"]]
    assert get("requests.json", api_key="vl_wrong").status_code == 403


def test_erased_reports_are_still_counted(send: Send) -> None:
    send()
    report = Report.objects.get()
    step(report, "verify")
    intake.erase(report, factories.SUPERVISOR, "request")
    [told] = get("requests.json").json()
    assert told["description"] is None


def test_other_methods_and_cookies_do_not_matter(send: Send) -> None:
    answer = Client().delete(f"{BASE}/requests.json")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, POST"
    assert Client(enforce_csrf_checks=True).post(f"{BASE}/requests.json", {}).status_code == 403
    assert get("services.json")["Access-Control-Allow-Origin"] == "*"


def test_times_carry_a_zone_whatever_the_world(send: Send) -> None:
    at = from_us(1_700_000_000_123_456)
    report = intake.receive(
        intake.Submission(world="live", category="waste", source="open311", sent_by="x", at=at), factories.OPERATOR
    )
    [told] = get("requests.json", service_request_id=report.reference).json()
    assert datetime.fromisoformat(told["requested_datetime"]) == at.replace(microsecond=0)
    assert world("live").kind == "live"
    assert json.dumps(told)
