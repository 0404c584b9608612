"""The door's answers, request by request, on the real log."""

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vonglau.core.errors import NotFound, StorageFull, Unavailable
from vonglau.gateways.events.door import Door
from vonglau.gateways.events.tests.helpers import (
    BATCH,
    DECLARED,
    NOW,
    STRUCTURED,
    cloud_event,
    open_door,
    post,
    run,
    text,
)


def scenario(test):
    """Runs `test(door, log)` on a door of its own."""

    def wrapped(tmp_path):
        async def inside():
            async with open_door(tmp_path) as (door, log):
                await test(door, log)

        run(inside)

    wrapped.__name__ = test.__name__
    wrapped.__doc__ = test.__doc__
    return wrapped


@scenario
async def test_each_mode_is_answered_with_counts(door, log):
    headers = ((b"ce-specversion", b"1.0"), (b"ce-id", b"b"), (b"ce-source", b"/s"), (b"ce-type", b"t"))
    answers = [
        await post(door, text(cloud_event(1))),
        await post(door, text([cloud_event(1), cloud_event(2)]), BATCH),
        await post(door, b"hello", b"text/plain", headers=headers),
        await post(door, b"[]", BATCH),
    ]
    assert [one.status for one in answers] == [202] * 4
    assert [one.body for one in answers] == [
        {"accepted": 1, "duplicates": 0, "quarantined": []},
        {"accepted": 1, "duplicates": 1, "quarantined": []},
        {"accepted": 1, "duplicates": 0, "quarantined": []},
        {"accepted": 0, "duplicates": 0, "quarantined": []},
    ]
    assert log.head() == 3
    assert door.counters.statuses == {202: 4}


@scenario
async def test_good_items_are_kept_and_bad_ones_wait(door, log):
    body = b"[%s,{broken,%s,7,%s]" % (text(cloud_event(1)), text(cloud_event(2, time="x")), text(cloud_event(3)))
    answer = await post(door, body.replace(b"{broken", b'{"broken":}'), BATCH)
    assert answer.status == 202
    assert answer.body["accepted"] == 2
    assert [(one["index"], one["id"], one["pointer"]) for one in answer.body["quarantined"]] == [
        (1, None, ""),
        (2, "e2", "/time"),
        (3, None, ""),
    ]
    waiting, _ = log.quarantine(0, 10)
    assert [one.raw for one in waiting] == [b'{"broken":}', text(cloud_event(2, time="x")), b"7"]
    assert [one.id for one in waiting] == [one["quarantine_id"] for one in answer.body["quarantined"]]
    assert {one.by for one in waiting} == {"mender"}


@scenario
async def test_the_same_identity_with_other_content_is_quarantined_with_a_pointer(door, log):
    await post(door, text(cloud_event(1)))
    answer = await post(door, text(cloud_event(1, data={"n": 2})))
    (one,) = answer.body["quarantined"]
    assert (answer.status, one["pointer"]) == (202, "/data")
    assert json.loads(log.quarantined(one["quarantine_id"]).raw) == cloud_event(1, data={"n": 2})


@scenario
async def test_a_retry_without_time_is_a_duplicate(door, log):
    for expected in ("accepted", "duplicates"):
        answer = await post(door, text(cloud_event(1, time=None)))
        assert answer.body[expected] == 1


@scenario
async def test_who_may(door, log):
    body = text(cloud_event())
    for token in (None, "nobody"):
        answer = await post(door, body, token=token)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    answer = await post(door, body, token="reader")
    assert (answer.status, answer.body["status"]) == (403, 403)
    assert "events:write" in answer.body["detail"]
    answer = await post(door, body, token="drill")
    assert [one["pointer"] for one in answer.body["quarantined"]] == ["/exercise"]
    assert log.quarantine(0, 10, world="drill-1")[0][0].raw == body
    assert (await post(door, text(cloud_event(exercise="drill-1")), token="drill")).body["accepted"] == 1
    assert log.head() == 1


@scenario
async def test_what_does_not_parse_is_a_problem(door, log):
    for body, media in ((b"", STRUCTURED), (b"{", STRUCTURED), (b"\xff", BATCH), (b"[1,", BATCH), (b"<xml/>", b"")):
        answer = await post(door, body, media)
        assert (answer.status, answer.body["status"], answer.body["title"]) == (400, 400, "Bad input")
    assert (await post(door, b"a=1", b"application/x-www-form-urlencoded")).status == 415
    assert log.quarantine(0, 10) == ([], None)


@scenario
async def test_too_much_is_refused_as_soon_as_it_is_known(door, log):
    many = b"[" + b",".join([b"1"] * 10_001) + b"]"
    assert (await post(door, many, BATCH)).status == 413
    assert (await post(door, b"", headers=((b"content-length", b"16777217"),))).status == 413
    chunks = [b"x" * (1 << 20)] * 40
    answer = await post(door, chunks)
    assert (answer.status, answer.body["title"]) == (413, "Too large")
    answer = await post(door, chunks, headers=((b"content-length", b"5"),))
    assert answer.status == 413
    assert (await post(door, [b"[", text(cloud_event()), b"]"], BATCH)).body["accepted"] == 1


@scenario
async def test_a_body_that_breaks_off_keeps_nothing(door, log):
    messages = [{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(b"authorization", b"Bearer mender"), (b"content-type", BATCH)]
    await door({"type": "http", "method": "POST", "path": "/api/events", "headers": headers}, receive, send)
    assert sent[0]["status"] == 400


@pytest.mark.parametrize(("error", "status"), [(StorageFull, 507), (Unavailable, 503)])
def test_trouble_with_the_storage_asks_to_try_again(tmp_path, monkeypatch, error, status):
    async def inside():
        async with open_door(tmp_path) as (door, log):
            real, troubles = log.append, [error()]

            def append(*args, **options):
                if troubles:
                    raise troubles.pop()
                return real(*args, **options)

            monkeypatch.setattr(log, "append", append)
            answer = await post(door, text(cloud_event()))
            assert (answer.status, answer.body["status"]) == (status, status)
            assert int(answer.headers["retry-after"]) > 0
            assert (await post(door, text(cloud_event()))).body["accepted"] == 1
            assert door.counters.statuses == {status: 1, 202: 1}

    run(inside)


def test_overload_is_429_before_the_body_is_read(tmp_path):
    async def inside():
        async with open_door(tmp_path, waiting_rows=1) as (door, _):
            door.counters.waiting = 5
            answer = await post(door, [])  # receiving would fail
            assert (answer.status, answer.headers["retry-after"]) == (429, "2")
            door.counters.waiting = 0

    run(inside)


@scenario
async def test_a_closed_door_says_unavailable(door, log):
    await door.close()
    assert (await post(door, text(cloud_event()))).status == 503


class TestMending:
    @staticmethod
    async def waiting(door, **changed):
        answer = await post(door, text(cloud_event(**changed)))
        return answer.body["quarantined"][0]["quarantine_id"]

    def test_resubmit(self, tmp_path):
        async def inside():
            async with open_door(tmp_path) as (door, log):
                id = await self.waiting(door, type=DECLARED, data={"value": -1})
                path = f"/api/quarantine/{id}/resubmit"
                for bad, pointer in (
                    (cloud_event(type=DECLARED, data={"value": -2}), "/data/value"),
                    (cloud_event(id=""), "/id"),
                ):
                    answer = await post(door, text(bad), path=path)
                    assert (answer.status, answer.body["pointer"]) == (422, pointer)
                    assert answer.body["detail"]
                assert (await post(door, b"[]", BATCH, path=path)).status == 400
                assert (await post(door, b"{", path=path)).status == 400
                assert log.quarantined(id).state == "open"
                assert log.head() == 0
                mended = text(cloud_event(type=DECLARED, data={"value": 1}))
                answer = await post(door, mended, path=path)
                assert (answer.status, answer.body) == (200, {"outcome": "accepted", "pos": 1})
                assert (await post(door, mended, path=path)).status == 409
                assert log.quarantined(id).state == "resubmitted"
                assert len(log.quarantine(0, 10, state=None)[0]) == 1
                assert door.counters.accepted == 1

        run(inside)

    def test_a_replacement_that_contradicts_the_log_is_422(self, tmp_path):
        async def inside():
            async with open_door(tmp_path) as (door, log):
                await post(door, text(cloud_event(5)))
                id = await self.waiting(door, time="x")
                answer = await post(door, text(cloud_event(5, data=0)), path=f"/api/quarantine/{id}/resubmit")
                assert (answer.status, answer.body["pointer"]) == (422, "/data")
                assert log.quarantined(id).state == "open"

        run(inside)

    def test_discard_scopes_and_worlds(self, tmp_path):
        async def inside():
            async with open_door(tmp_path) as (door, log):
                id = await self.waiting(door, time="x")
                path = f"/api/quarantine/{id}/discard"
                assert (await post(door, b"", token="writer", path=path)).status == 403
                assert (await post(door, b"", token="drill", path=path)).status == 403
                assert (await post(door, b"", token=None, path=path)).status == 401
                assert log.quarantined(id).state == "open"
                assert (await post(door, b"", path=path)).body == {"outcome": "discarded"}
                assert (await post(door, b"", path=path)).status == 409
                assert (await post(door, b"", path="/api/quarantine/999/discard")).status == 404
                assert (await post(door, b"", path="/api/quarantine/x/discard")).status == 404

        run(inside)


def test_it_serves_posts_of_its_addresses_only():
    def scope(method, path, kind="http"):
        return {"type": kind, "method": method, "path": path}

    assert Door.serves(scope("POST", "/api/events"))
    assert Door.serves(scope("POST", "/api/quarantine/12/discard"))
    assert Door.serves(scope("POST", "/api/quarantine/12/resubmit"))
    for other in (
        scope("GET", "/api/events"),
        scope("POST", "/api/events/"),
        scope("POST", "/api/quarantine/12"),
        scope("POST", "/"),
        scope("POST", "/api/events", "websocket"),
    ):
        assert not Door.serves(other)


ITEMS = st.lists(
    st.one_of(
        st.integers(0, 5).map(lambda n: text(cloud_event(n))),
        st.integers(0, 5).map(lambda n: text(cloud_event(n, data="other"))),
        st.integers(0, 5).map(lambda n: text(cloud_event(n, time="no time"))),
        st.sampled_from([b"1", b"{}", b'{"a":}', b"nope", b'{"id":"\xff"}', b'"\\u0000"']),
    ),
    max_size=12,
)


@given(requests=st.lists(ITEMS, max_size=4))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_the_counts_add_up_and_nothing_is_lost(requests, tmp_path_factory):
    async def inside():
        async with open_door(tmp_path_factory.mktemp("door")) as (door, log):
            answers = await asyncio.gather(*(post(door, b"[" + b",".join(items) + b"]", BATCH) for items in requests))
            for items, answer in zip(requests, answers, strict=True):
                body = answer.body
                assert answer.status == 202
                assert body["accepted"] + body["duplicates"] + len(body["quarantined"]) == len(items)
            assert log.head() == sum(one.body["accepted"] for one in answers)
            waiting, _ = log.quarantine(0, 1000)
            assert len(waiting) == sum(len(one.body["quarantined"]) for one in answers)
            sent = [item for items in requests for item in items]
            assert all(
                json.loads(one.raw)["id"] in {f"e{n}" for n in range(6)}
                if one.raw.startswith(b'{"specversion"')
                else one.raw in sent
                for one in waiting
            )
            before = log.head()
            again = [await post(door, b"[" + b",".join(items) + b"]", BATCH) for items in requests]
            assert log.head() == before
            assert all(one.body["accepted"] == 0 for one in again)

    run(inside)


def test_a_world_that_was_made_a_moment_ago_is_met(tmp_path: Path) -> None:
    """What the clock does not know is looked for again before anything goes to quarantine for it."""
    known = {"live"}

    def clock(world: str) -> datetime | None:
        if world not in known:
            raise NotFound(f"There is no world {world!r} here.")
        return NOW

    async def meet(worlds: Iterable[str]) -> bool:
        known.update({"new"} & set(worlds))
        return not known.isdisjoint(worlds)

    async def test() -> None:
        async with open_door(tmp_path, clock) as (door, _log):
            door._meet = meet
            items = [cloud_event(n, exercise="new" if n else "never") for n in range(3)]
            answer = await post(door, text(items), BATCH, "writer")
            assert answer.status == 202
            assert (answer.body["accepted"], [one["index"] for one in answer.body["quarantined"]]) == (2, [0])

    run(test)
