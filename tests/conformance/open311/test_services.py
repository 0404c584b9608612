"""What can be reported, and what is asked about it."""

from typing import Any

import pytest

from tests.conformance.open311 import shapes
from tests.conformance.open311.endpoint import FORMATS, MEDIA, Endpoint, plain

LIST = pytest.mark.section("GET Service List")
DEFINITION = pytest.mark.section("GET Service Definition")
ENCODING = pytest.mark.section("Format Support; Encoding: UTF-8 everywhere, the content type says so")
ARGUMENTS = pytest.mark.section("Errors: jurisdiction_id; an optional argument that is empty is an absent one")

NOWHERE = "no-such-code-9f2c"


def services(server: Endpoint, format: str) -> list[dict[str, Any]]:
    return server.get("services", format).items("services", "service")


@ENCODING
@pytest.mark.parametrize("format", FORMATS)
def test_the_content_type_is_that_of_the_format(server: Endpoint, format: str) -> None:
    said = server.get("services", format)
    assert (said.status, said.media, said.charset) == (200, MEDIA[format], "utf-8")
    said.body.decode("utf-8")


@LIST
@pytest.mark.parametrize("format", FORMATS)
def test_each_service_has_its_fields(server: Endpoint, format: str) -> None:
    listed = services(server, format)
    assert listed, "no service is offered"
    assert [fault for one in listed for fault in shapes.service(one, format)] == []
    codes = [one["service_code"] for one in listed]
    assert len(set(codes)) == len(codes)


@LIST
def test_both_formats_list_the_same(server: Endpoint) -> None:
    xml, json = services(server, "xml"), services(server, "json")
    assert [(one["service_code"], one["service_name"]) for one in xml] == [
        (one["service_code"], one["service_name"]) for one in json
    ]


@DEFINITION
def test_services_with_metadata_are_defined_alike_in_both_formats(server: Endpoint) -> None:
    for service in services(server, "json"):
        if not service["metadata"]:
            continue
        code = service["service_code"]
        told = server.get(f"services/{code}", "json").json
        assert isinstance(told, dict), "a definition is one object"
        assert told["service_code"] == code
        assert [fault for one in told["attributes"] for fault in shapes.attribute(one, "json")] == []
        orders = [one["order"] for one in told["attributes"]]
        assert len(set(orders)) == len(orders), "each order stands once"
        root = server.get(f"services/{code}", "xml").root
        assert root.tag == "service_definition"
        read = plain(root)
        assert [fault for one in read["attributes"] for fault in shapes.attribute(one, "xml")] == []
        assert [one["code"] for one in read["attributes"]] == [one["code"] for one in told["attributes"]]


@DEFINITION
@pytest.mark.parametrize("format", FORMATS)
def test_an_unknown_service_code_is_404(server: Endpoint, format: str) -> None:
    said = server.get(f"services/{NOWHERE}", format)
    assert (said.status, said.media) == (404, MEDIA[format])
    errors = said.items("errors", "error")
    assert errors
    assert [fault for one in errors for fault in shapes.error(one, format)] == []


@ARGUMENTS
@pytest.mark.parametrize("format", FORMATS)
def test_an_unknown_jurisdiction_is_404(server: Endpoint, format: str) -> None:
    said = server.get("services", format, {"jurisdiction_id": NOWHERE})
    assert said.status == 404
    assert [fault for one in said.items("errors", "error") for fault in shapes.error(one, format)] == []


@ARGUMENTS
def test_an_empty_argument_is_an_absent_one(server: Endpoint) -> None:
    if server.jurisdiction:
        pytest.skip("this server needs its jurisdiction_id")
    assert server.get("services", "json", {"jurisdiction_id": ""}).status == 200
    empty = {"service_request_id": "", "service_code": "", "start_date": "", "end_date": "", "status": ""}
    assert server.get("requests", "json", empty).status == 200
