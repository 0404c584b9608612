"""What this product offers beyond GeoReport v2 (docs/reference/open311.md); of another server asked with `--extensions`."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from tests.conformance.open311 import shapes
from tests.conformance.open311.endpoint import FORMATS, Endpoint
from tests.conformance.open311.test_requests import Requests, listed, w3c

pytestmark = [pytest.mark.extension, pytest.mark.section("no part of GeoReport v2: docs/reference/open311.md")]

Submit = Callable[..., Any]


def test_a_box(server: Endpoint, known: Requests) -> None:
    one = next(one for one in known if one["lat"] is not None)
    near = 0.0005
    box = [one["long"] - near, one["lat"] - near, one["long"] + near, one["lat"] + near]
    found = listed(server, bbox=",".join(map(str, box)))
    assert one["service_request_id"] in {o["service_request_id"] for o in found}
    assert all(box[0] <= o["long"] <= box[2] and box[1] <= o["lat"] <= box[3] for o in found)
    assert server.get("requests", "json", {"bbox": "1,2,3"}).status == 400


def test_pages_of_a_size(server: Endpoint, known: Requests) -> None:
    numbers = [one["service_request_id"] for one in known]
    paged = [one["service_request_id"] for page in (1, 2) for one in listed(server, page=page, page_size=2)]
    assert paged == numbers[:4]


def test_what_changed_since(server: Endpoint, known: Requests) -> None:
    since = datetime.now(UTC) - timedelta(days=30)
    found = listed(server, updated_after=w3c(since))
    assert all(shapes.moment(one["updated_datetime"]) > since - timedelta(seconds=1) for one in found)
    assert listed(server, updated_after=w3c(datetime.now(UTC) + timedelta(hours=2))) == []


@pytest.mark.parametrize("format", FORMATS)
def test_the_real_state(server: Endpoint, known: Requests, format: str) -> None:
    [one] = listed(server, format, service_request_id=known[0]["service_request_id"], extensions="true")
    assert one["extended_attributes"]["state"]
    assert "notes" in one
    [bare] = listed(server, format, service_request_id=known[0]["service_request_id"])
    assert "extended_attributes" not in bare


def test_the_readers_language(server: Endpoint) -> None:
    names = [
        [one["service_name"] for one in server.get("services", "json", {"locale": code}).json] for code in ("vi", "en")
    ]
    assert names[0] != names[1]


@pytest.mark.parametrize("format", FORMATS)
def test_updates_are_listed(server: Endpoint, known: Requests, format: str) -> None:
    now = datetime.now(UTC)
    period = {"start_date": w3c(now - timedelta(days=1)), "end_date": w3c(now)}
    for one in server.get("servicerequestupdates", format, period).items("service_request_updates", "request_update"):
        assert one["update_id"]
        assert one["service_request_id"]
        assert shapes.moment(one["updated_datetime"])
        assert one["status"].isupper()


@pytest.mark.sends
def test_photos_and_a_comment(server: Endpoint, submit: Submit) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(drawn, "JPEG")
    files = [("media", ("a.jpg", drawn.getvalue(), "image/jpeg")), ("media", ("b.jpg", drawn.getvalue(), "image/jpeg"))]
    [told] = submit(files=files).items("service_requests", "request")
    form = [
        ("api_key", server.key),
        ("service_request_id", told["service_request_id"]),
        ("update_id", "1"),
        ("status", "OPEN"),
        ("description", "Vẫn chưa ai đến"),
    ]
    answers = [server.post("servicerequestupdates", "xml", form) for _ in range(2)]
    kept = [said.items("service_request_updates", "request_update")[0]["update_id"] for said in answers]
    assert kept[0] == kept[1], "sent twice, kept once"
