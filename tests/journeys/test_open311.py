"""A citizen's app: discovery, services, a submission, and its progress until the result, checked against the public schemas."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry, Resource

from tests.serving import Serving, new_city, ran, serving, token
from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.kit import tokens
from vonglau.services.field_reports.models import Report

BASE = "/open311/v2"
DESK = Actor("truong.ca", "supervisor")

Check = Callable[[str, Any], None]


@pytest.fixture
def app(db: None) -> tuple[Client, str]:
    factories.live()
    factories.agency()
    return Client(), tokens.mint("app", ["reports:write"], "live")[0]


def report_and_resolve(client: Client, key: str) -> list[Any]:
    """The whole story; what the public interface said after each step."""
    form = {
        "api_key": key,
        "service_code": "street_light",
        "lat": "16.0605",
        "long": "108.2205",
        "description": "Đèn tắt",
    }
    [sent] = client.post(f"{BASE}/requests.json", form).json()
    reference = sent["service_request_id"]
    report = Report.objects.get(reference=reference)
    said = [client.get(f"{BASE}/requests/{reference}.json").json()]
    for step, details in (
        ("verify", Details()),
        ("assign", Details(agency="xay-dung")),
        ("start", Details()),
        ("resolve", Details(outcome="fixed", why="đã thay bóng")),
        ("close", Details()),
    ):
        if step == "resolve":
            factories.prove(report.incident)
        desk.take("live", report.incident.ref, step, DESK, details)
        said.append(client.get(f"{BASE}/requests/{reference}.json").json())
    return said


def test_a_report_is_followed_until_its_result(app: tuple[Client, str]) -> None:
    said = [one for [one] in report_and_resolve(*app)]
    assert [one["status"] for one in said] == ["open"] * 4 + ["closed"] * 2
    assert [one["description"] for one in said] == [None] + ["Đèn tắt"] * 5
    assert [one["agency_responsible"] for one in said] == [None, None] + ["Sở Xây dựng"] * 4
    assert len({one["status_notes"] for one in said}) == 6
    assert said[4]["updated_datetime"] == said[5]["updated_datetime"], "closed is when there was a result"
    assert {one["requested_datetime"] for one in said} == {said[0]["requested_datetime"]}


def test_xml_and_json_say_the_same(app: tuple[Client, str]) -> None:
    report_and_resolve(*app)
    client = app[0]
    for path, one in (("services", "service"), ("requests", "request")):
        plain = client.get(f"{BASE}/{path}.json").json()
        root = ET.fromstring(client.get(f"{BASE}/{path}.xml").content)
        assert [child.tag for child in root] == [one] * len(plain)
        for element, item in zip(root, plain, strict=True):
            told = {child.tag: child.text for child in element}
            wanted = {
                k: None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in item.items()
            }
            assert told == wanted


@pytest.fixture
def check(shared: Path) -> Check:
    """Validates against a schema of GeoReport v2, by name."""
    folder = shared / "field_reports" / "open311_schema"
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents({"$schema": "http://json-schema.org/draft-07/schema#", **schema}))
        for name, schema in schemas.items()
    )

    def validate(name: str, instance: Any) -> None:
        validator = Draft7Validator(schemas[name], registry=registry, format_checker=FormatChecker())
        assert not [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(instance)]

    return validate


@pytest.mark.shared_data
def test_answers_keep_the_public_schemas(app: tuple[Client, str], check: Check) -> None:
    client = app[0]
    services = client.get(f"{BASE}/services.json").json()
    check("services.json", services)
    for service in services:
        check("service.json", service)
        check("service-definition.json", client.get(f"{BASE}/services/{service['service_code']}.json").json())
    for [said] in report_and_resolve(*app):
        check("request.json", said)
    listed = client.get(f"{BASE}/requests.json").json()
    assert listed
    check("requests.json", listed)


@pytest.mark.shared_data
def test_the_specifications_own_submission_is_understood(app: tuple[Client, str], shared: Path) -> None:
    """Its sample names a key, a jurisdiction, a service and a point of its own city, so a drill takes it: the rest as it is printed."""
    factories.drill()
    drill = tokens.mint("drill", ["reports:write"], "drill-1")[0]
    text = (shared / "field_reports" / "open311_samples" / "post_request.http").read_text(encoding="utf-8")
    form = text[text.index("api_key=") :].strip().replace("\n", "")
    for printed, ours in (
        ("api_key=xyz", f"api_key={drill}"),
        ("service_code=001", "service_code=waste"),
        ("jurisdiction_id=city.gov", "jurisdiction_id=48"),
    ):
        assert printed in form
        form = form.replace(printed, ours)
    answer = app[0].post(f"{BASE}/requests.xml", form, content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert answer.status_code == 200, answer.content
    content = Report.objects.get().content
    assert content.description.startswith("A large sinkhole")
    assert content.address == "1234 5th street"


def test_it_comes_through_the_public_port_and_into_the_log(tmp_path: Path) -> None:
    """The real server: an app's form at the front, the incident in the API, the event in the log; quarantine is mended there too."""
    data = new_city(tmp_path / "city")
    app_key = token(data, "reports:write", name="app")
    reader = token(data, "read,events:write,quarantine:write", name="reader")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(
        {"service_code": "waste", "lat": "16.0605", "long": "108.2205", "description": "Rác & <b>xà bần</b>"}
    )
    with serving(data) as city:
        status, _headers, [sent] = city.request("POST", f"{BASE}/requests.json", body.encode(), app_key, form)
        assert status == 200
        reference = sent["service_request_id"]
        [incident] = city.request("GET", "/api/incidents", token=reader)[2]["items"]
        assert incident["ref"].removeprefix("SV") == reference.removeprefix("PA")
        assert incident["ward"] != ""
        event = eventually(lambda: received(city, reader))
        assert event["data"] == {
            "reference": reference,
            "incident": incident["ref"],
            "category": "waste",
            "ward": incident["ward"],
        }
        assert "xà bần" not in json.dumps(event, ensure_ascii=False)
        late = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "time": "2026-01-01T00:00:00"}
        cloud = {"Content-Type": "application/cloudevents+json"}
        kept = city.request("POST", "/api/events", late, reader, cloud)[2]["quarantined"][0]["quarantine_id"]
        path = f"/api/quarantine/{kept}/resubmit"
        assert city.request("POST", path, late, reader, cloud)[0] == 422
        assert city.request("POST", path, {**late, "time": "2026-01-01T00:00:00Z"}, app_key, cloud)[0] == 403
        mended = city.request("POST", path, {**late, "time": "2026-01-01T00:00:00Z"}, reader, cloud)
        assert (mended[0], mended[2]["state"]) == (200, "resubmitted")
    said = json.loads(ran("check", "--data", data, "--json").splitlines()[-1])
    assert said["ok"], said
    assert said["counts"]["auditrow"] >= 2, "the incident's and the quarantined item's"


def received(city: Serving, reader: str) -> Any:
    path = "/api/events?type=vn.vonglau.field_reports.received"
    return next(iter(city.request("GET", path, token=reader)[2]["items"]), None)


def eventually(ask: Callable[[], Any], seconds: float = 30) -> Any:
    """The worker hands events over within a second or two; a busy machine may need longer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = ask()
        if found is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")
