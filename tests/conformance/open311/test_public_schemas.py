"""The public JSON Schemas of GeoReport v2 (open311/schema-validation), where they lie beside the checkout."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry, Resource

from tests.conformance.open311.endpoint import Endpoint
from tests.conformance.open311.test_requests import Requests, listed

pytestmark = [pytest.mark.shared_data, pytest.mark.section("JSON Schemas of georeport-v2 (open311/schema-validation)")]


@pytest.fixture(scope="module")
def faults(shared: Path) -> Callable[[str, Any], list[str]]:
    folder = shared / "field_reports" / "open311_schema"
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    assert set(schemas) == {"service.json", "services.json", "service-definition.json", "request.json", "requests.json"}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents({"$schema": "http://json-schema.org/draft-07/schema#", **schema}))
        for name, schema in schemas.items()
    )

    def found(name: str, instance: Any) -> list[str]:
        validator = Draft7Validator(schemas[name], registry=registry, format_checker=FormatChecker())
        return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(instance)]

    return found


def test_services_and_their_definitions(server: Endpoint, faults: Callable[[str, Any], list[str]]) -> None:
    services = server.get("services", "json").json
    assert faults("services.json", services) == []
    for service in services:
        assert faults("service.json", service) == []
        definition = server.get(f"services/{service['service_code']}", "json").json
        assert faults("service-definition.json", definition) == []


def test_requests(server: Endpoint, known: Requests, faults: Callable[[str, Any], list[str]]) -> None:
    for query in ({}, {"extensions": "true"}):
        found = listed(server, **query)
        assert faults("requests.json", found) == []
        assert [fault for one in found for fault in faults("request.json", one)] == []


def test_the_schemas_can_fail(faults: Callable[[str, Any], list[str]]) -> None:
    assert faults("request.json", {"service_request_id": 1, "status": "done", "service_code": "001"})
