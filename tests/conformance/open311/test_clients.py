"""Clients that others wrote, asking our server."""

import io
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.conformance.open311.endpoint import Endpoint

pytestmark = pytest.mark.ours


@pytest.fixture
def three(server: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`three` 0.8.0, the wrapper of Code for America. It was written for Python 2: of `itertools` it wants a name that is `filter` now."""
    monkeypatch.setattr(itertools, "ifilter", filter, raising=False)
    import three as package

    client = package.Three(server.base, api_key=server.key, jurisdiction="48")
    yield client
    client.session.close()


def test_three_finds_its_way(three: Any, server: Endpoint) -> None:
    assert three.discovery()["endpoints"][0]["url"] == server.base
    codes = [one["service_code"] for one in three.services()]
    assert "waste" in codes
    assert three.services("waste")["attributes"][0]["code"] == "kinds"


def test_three_sends_and_finds_again(three: Any) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(drawn, "JPEG")
    drawn.seek(0)
    drawn.name = "photo.jpg"
    [told] = three.post(
        "pothole",
        lat="16.0605",
        long="108.2205",
        address="12 Bạch Đằng",
        name="Nguyễn Lan",
        phone="0905123456",
        description="Ổ gà sâu trước cổng trường",
        media=drawn,
    )
    number = told["service_request_id"]
    assert three.request(number)[0]["service_code"] == "pothole"
    assert number in [one["service_request_id"] for one in three.requests("pothole", status="open", count=50)]
    year = three.request(number)[0]["requested_datetime"][:4]
    assert three.requests(between=[f"01-01-{year}", f"01-02-{year}"]) == []
    [refused] = three.post("nope", lat="16.06", long="108.22")
    assert refused["code"] == 404


def test_three_exchanges_tokens_that_are_none(three: Any) -> None:
    [refused] = three.token("12345")
    assert refused["code"] == 404
