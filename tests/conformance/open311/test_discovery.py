"""Where the server says it is, and in what formats."""

import pytest

from tests.conformance.open311 import shapes
from tests.conformance.open311.endpoint import FORMATS, MEDIA, Endpoint, plain

pytestmark = pytest.mark.section("Service Discovery: fields and structure of the discovery document")


@pytest.mark.parametrize("format", FORMATS)
def test_it_is_told_in_both_formats(server: Endpoint, format: str) -> None:
    said = server.get("discovery", format)
    assert (said.status, said.media, said.charset) == (200, MEDIA[format], "utf-8")
    told = said.json if format == "json" else plain(said.root)
    assert shapes.discovery(told, format) == []
    if format == "xml":
        assert said.root.tag == "discovery"


def test_both_formats_tell_the_same(server: Endpoint) -> None:
    told, root = server.get("discovery", "json").json, plain(server.get("discovery", "xml").root)
    assert [one["url"] for one in told["endpoints"]] == [one["url"] for one in root["endpoints"]]
    assert told["changeset"] == root["changeset"]
