"""What is sent: keys, places, answers, and what comes back. Makes requests at the server."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.open311 import shapes
from tests.conformance.open311.endpoint import FORMATS, MEDIA, Endpoint

POST = pytest.mark.section("POST Service Request")
KEY = pytest.mark.section("POST Service Request; Errors: 403 for a missing or wrong api_key")
ERRORS = pytest.mark.section("POST Service Request; Errors: 400 and 404")
ATTRIBUTES = pytest.mark.section("POST Service Request: attribute, explanation of attribute submissions")

pytestmark = pytest.mark.sends

Submit = Callable[..., Any]


def refused(said: Any, status: int) -> None:
    assert said.status == status, said.body[:300]
    errors = said.items("errors", "error")
    assert errors
    assert [fault for one in errors for fault in shapes.error(one, said.format)] == []


def number(server: Endpoint, said: Any) -> str:
    """What a submission's answer leads to, through its token if there is one."""
    assert said.status in (200, 201), said.body[:300]
    [told] = said.items("service_requests", "request")
    assert shapes.created(told, said.format) == []
    if told.get("token"):
        [told] = server.get(f"tokens/{told['token']}", said.format).items("service_requests", "request")
    return str(told["service_request_id"])


@POST
@pytest.mark.parametrize("format", FORMATS)
def test_what_was_sent_is_found(server: Endpoint, submit: Submit, format: str) -> None:
    said = submit(format)
    assert (said.media, said.charset) == (MEDIA[format], "utf-8")
    sent = number(server, said)
    [found] = server.get(f"requests/{sent}", format).items("service_requests", "request")
    assert shapes.request(found, format) == []
    assert found["status"] == "open"
    if found.get("description") is not None:
        assert found["description"].startswith("Kiểm tra tính tương thích")


@POST
def test_an_address_in_words_will_do(server: Endpoint, submit: Submit) -> None:
    assert number(server, submit(lat=None, long=None, address_string="12 Bạch Đằng"))


@POST
def test_optional_arguments_are_taken_and_empty_ones_absent(server: Endpoint, submit: Submit) -> None:
    optional = {
        "email": "citizen@example.org",
        "first_name": "Nguyễn",
        "last_name": "",
        "phone": "",
        "device_id": "tt222111",
        "account_id": "",
        "media_url": "https://example.org/photo.jpg",
    }
    assert number(server, submit(**optional))


@KEY
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("key", [None, "", "no-such-key-9f2c"])
def test_without_a_right_key_403(submit: Submit, format: str, key: str | None) -> None:
    refused(submit(format, api_key=key), 403)


@ERRORS
@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_service_code_is_400_and_an_unknown_one_404(submit: Submit, format: str) -> None:
    refused(submit(format, service_code=None), 400)
    refused(submit(format, service_code=""), 400)
    refused(submit(format, service_code="no-such-code-9f2c"), 404)


@ERRORS
@pytest.mark.parametrize(
    "place",
    [{"lat": None}, {"long": None}, {"lat": None, "long": None}, {"lat": "north"}, {"lat": "91"}, {"long": "nan"}],
)
def test_somewhere_it_must_be(submit: Submit, place: dict[str, str | None]) -> None:
    refused(submit(**place), 400)


@ERRORS
def test_an_unknown_jurisdiction_is_404(submit: Submit) -> None:
    refused(submit(jurisdiction_id="no-such-city-9f2c"), 404)


def _demanding(server: Endpoint) -> tuple[str, list[dict[str, Any]]]:
    """A service that requires answers, with its questions."""
    for service in server.get("services", "json").items("services", "service"):
        if not service["metadata"]:
            continue
        asked = server.get(f"services/{service['service_code']}", "json").json["attributes"]
        if any(one["required"] for one in asked):
            return service["service_code"], asked
    return pytest.skip("no service requires an answer")


def _answer(question: dict[str, Any]) -> Any:
    return {
        "number": "1",
        "datetime": "2026-01-01T00:00:00Z",
        "singlevaluelist": lambda: question["values"][0]["key"],
        "multivaluelist": lambda: [question["values"][0]["key"]],
    }.get(question["datatype"], "1")


@ATTRIBUTES
def test_a_required_answer_is_required(server: Endpoint, submit: Submit) -> None:
    code, asked = _demanding(server)
    refused(submit(service_code=code), 400)
    answers = {}
    for question in (one for one in asked if one["required"]):
        value = _answer(question)
        several = "[]" if question["datatype"] == "multivaluelist" else ""
        answers[f"attribute[{question['code']}]{several}"] = value() if callable(value) else value
    assert number(server, submit(service_code=code, **answers))
