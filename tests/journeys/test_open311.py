"""A citizen's app: discovery, services, a submission, and its progress until the result, checked against the public schemas."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry, Resource

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
    """Its sample names a service and a key of its own city: everything else is taken as it is printed."""
    text = (shared / "field_reports" / "open311_samples" / "post_request.http").read_text(encoding="utf-8")
    form = text[text.index("api_key=") :].strip().replace("\n", "")
    form = form.replace("api_key=xyz", f"api_key={app[1]}").replace("service_code=001", "service_code=waste")
    answer = app[0].post(f"{BASE}/requests.xml", form, content_type="application/x-www-form-urlencoded; charset=utf-8")
    assert answer.status_code == 200, answer.content
    content = Report.objects.get().content
    assert content.description.startswith("A large sinkhole")
    assert content.address == "1234 5th street"
