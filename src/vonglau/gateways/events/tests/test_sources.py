"""A token bound to sources speaks for those alone: item by item, and 403 when it may send none of what it sent."""

import pytest

from vonglau.gateways.events.decode import speaks_for
from vonglau.gateways.events.tests.helpers import BATCH, cloud_event, open_door, post, run, text


@pytest.mark.parametrize(
    ("prefix", "source", "may"),
    [
        ("/sensors/7", "/sensors/7", True),
        ("/sensors/7", "/sensors/7/speed", True),
        ("/sensors/7", "/sensors/71", False),
        ("/sensors/7", "/sensors/8", False),
        ("urn:vn:dn:camera:", "urn:vn:dn:camera:12", True),
        ("urn:vn:dn:camera:", "urn:vn:dn:cameras:12", False),
        ("https://a.example", "https://a.example/x", True),
        ("https://a.example", "https://a.example.evil/x", True),  # a dot ends a word: name the path, or a port
        ("https://a.example/", "https://a.example.evil/x", False),
    ],
)
def test_a_prefix_ends_where_a_word_ends(prefix, source, may):
    assert speaks_for(prefix, source) is may


def test_items_of_other_sources_wait_in_quarantine_with_the_reason(tmp_path):
    async def test():
        async with open_door(tmp_path) as (door, _log):
            body = text(
                [cloud_event(1), cloud_event(2, source="/sensors/8"), cloud_event(3, source="urn:vn:dn:camera:1")]
            )
            answer = await post(door, body, BATCH, token="camera")
            assert answer.status == 202
            assert answer.body["accepted"] == 2
            (kept,) = answer.body["quarantined"]
            assert (kept["index"], kept["pointer"]) == (1, "/source")
            assert "/sensors/7, urn:vn:dn:camera:" in kept["reason"]

    run(test)


def test_a_request_with_nothing_of_its_own_is_refused_whole_and_leaves_no_trace(tmp_path):
    async def test():
        async with open_door(tmp_path) as (door, log):
            for body, media in (
                (text(cloud_event(source="/x")), b"application/cloudevents+json"),
                (text([cloud_event(source="/x")]), BATCH),
            ):
                answer = await post(door, body, media, token="camera")
                assert answer.status == 403
                assert answer.body["pointer"] == "/source"
                assert "Nothing was kept" in answer.body["detail"]
            assert log.head() == 0
            assert door.counters.quarantined == 0

    run(test)


def test_a_token_without_prefixes_speaks_for_anything(tmp_path):
    async def test():
        async with open_door(tmp_path) as (door, _log):
            answer = await post(
                door, text([cloud_event(1, source="/x"), cloud_event(2, source="/y")]), BATCH, token="writer"
            )
            assert answer.body["accepted"] == 2

    run(test)
