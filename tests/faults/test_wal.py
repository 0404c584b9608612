"""A disk that damages the last page of a write-ahead file while the machine is down: SQLite forgets what it held, and the city goes on.

A real server is killed with everything below it, bytes of the file are turned or its end is cut off, and it is started again.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import engines
from tests.serving import Serving, new_city, serving, token, vonglau
from vonglau.core import damages
from vonglau.engines import open_reader
from vonglau.engines.embedded.sqlite import connect
from vonglau.engines.embedded.wal import FRAME, HEADER

pytestmark = pytest.mark.skipif(
    engines.POSTGRESQL, reason="PostgreSQL has a write-ahead log of its own, with its own checks"
)

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
Harm = Callable[[Path], None]


def kill(server: Serving) -> None:
    """All of it at once, as a machine dies."""
    os.kill(server.process.pid, signal.SIGSTOP)  # so that nothing is started again meanwhile
    for pid in [*server.children(), server.process.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait(10)


def frame_of(side: Path) -> int:
    with side.open("rb") as file:
        return FRAME + int.from_bytes(file.read(12)[8:], "big")


def last_frame(side: Path) -> int:
    """Where the last frame of the file's present turn begins; what an earlier turn left behind it has other salts."""
    raw, width = side.read_bytes(), frame_of(side)
    ours = [at for at in range(HEADER, len(raw) - width + 1, width) if raw[at + 8 : at + 16] == raw[16:24]]
    return ours[-1]


def turned(side: Path) -> None:
    """Some bytes of the last page."""
    at = last_frame(side) + FRAME + 100
    with side.open("r+b") as file:
        file.seek(at)
        bytes_ = file.read(8)
        file.seek(at)
        file.write(bytes(byte ^ 0x5A for byte in bytes_))


def cut(side: Path) -> None:
    """The file ends in the middle of its last page."""
    at = last_frame(side) + FRAME + 100
    with side.open("r+b") as file:
        file.truncate(at)


def post(server: Serving, key: str, ids: list[str], source: str = "/fault") -> None:
    events = [
        {"specversion": "1.0", "id": id, "source": source, "type": "vn.vonglau.traffic.measured", "subject": "s1",
         "time": "2026-11-20T00:00:00Z", "data": {"quantity": "speed", "value": 40}}
        for id in ids
    ]  # fmt: skip
    status, _headers, said = server.request("POST", "/api/events", events, key, BATCH)
    assert (status, said["accepted"]) == (202, len(ids))


def stored(data: Path) -> list[tuple[int, str, str]]:
    """(position, source, id) of the whole log."""
    found, after = [], 0
    with closing(open_reader(data)) as reader:
        while len(batch := reader.batch(after, 10_000)):
            found += list(zip(batch.pos.tolist(), batch.source, batch.id, strict=True))
            after = batch.through
    return found


def furthest(data: Path) -> int:
    """How far the furthest reader has come, read beside the server."""
    with closing(connect(data / "state.db", readonly=True)) as db:
        return int(db.execute("SELECT coalesce(max(position), 0) FROM core_cursor").fetchone()[0])


def wait_for(true: Callable[[], bool], seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.1)


def checked(data: Path) -> dict[str, Any]:
    done = vonglau("check", "--data", data, "--json")
    assert "Traceback" not in done.stderr, done.stderr
    return dict(json.loads(done.stdout.strip().splitlines()[-1]), code=done.returncode)


@pytest.mark.parametrize("harm", [turned, cut])
def test_no_position_of_the_log_is_given_twice(tmp_path: Path, harm: Harm) -> None:
    data = new_city(tmp_path / "city")
    key = token(data)
    with serving(data) as server:
        post(server, key, [f"early-{n}" for n in range(100)])
        post(server, key, [f"late-{n}" for n in range(20)])
        before = {position: id for position, source, id in stored(data) if source == "/fault"}
        wait_for(lambda: furthest(data) >= max(before))
        kill(server)
    known = furthest(data)
    harm(data / "log.db-wal")
    with serving(data) as server:
        post(server, key, [f"new-{n}" for n in range(20)])
    after = stored(data)
    positions = [position for position, _source, _id in after]
    assert positions == list(range(1, len(positions) + 1)), "dense"
    there = {position: id for position, source, id in after if source == "/fault"}
    early = {position: id for position, id in before.items() if id.startswith("early")}
    assert early.items() <= there.items(), "what was durable before the damaged page is all there"
    new = [position for position, id in there.items() if id.startswith("new")]
    assert len(new) == 20
    assert min(new) > known, "a position that somebody had passed was given again"
    lost = [position for position, source, _id in after if source == "/vonglau/log"]
    assert lost, "nothing was lost: the harm did not take"
    assert max(lost) == known
    body = checked(data)
    assert (body["code"], body["ok"]) == (0, True), body
    (found,) = body["findings"]
    said = " ".join(found["examples"])
    assert found["check"] == "damaged"
    assert f"{min(lost)}" in said
    assert f"{max(lost)}" in said
    kept = [note.kept for note in damages.notes(data, "log.db-wal")]
    assert kept
    assert (data / damages.FOLDER / kept[0]).exists()
    assert "acknowledged and are lost" in (tmp_path / "city.log").read_text() or len(lost) == 1


def reported(server: Serving, key: str, at: int) -> None:
    code = server.request("GET", "/open311/v2/services.json")[2][0]["service_code"]
    body = f"service_code={code}&lat=16.06{at}&long=108.22&description=test".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.request("POST", "/open311/v2/requests.json", body, key, form)[0] in (200, 201)


def rows(data: Path, query: str) -> list[Any]:
    with closing(connect(data / "state.db", readonly=True)) as db:
        return db.execute(query).fetchall()


@pytest.mark.parametrize("harm", [turned, cut])
def test_a_state_that_went_back_agrees_with_the_log_again(tmp_path: Path, harm: Harm) -> None:
    data = new_city(tmp_path / "city")
    key, citizen = token(data), token(data, "reports:write", name="citizen")
    with serving(data) as server:
        for at in range(3):
            reported(server, citizen, at)
        post(server, key, [f"e{n}" for n in range(50)])
        events = [id for _position, source, id in stored(data) if source == "/fault"]
        wait_for(lambda: len(rows(data, "SELECT 1 FROM core_incident")) == 3)
        (sequence,) = rows(data, "SELECT seq FROM sqlite_sequence WHERE name = 'core_change'")[0]
        kill(server)
    harm(data / "state.db-wal")
    # Whoever opens it first erases the evidence, be it another command.
    said = vonglau("token", "create", "next", "--scope", "read", "--data", data)
    assert "found damaged" in said.stderr
    with serving(data) as server:
        post(server, key, ["after"])
        reported(server, citizen, 7)
        wait_for(lambda: len(rows(data, "SELECT 1 FROM core_incident WHERE ref LIKE '%-1___'")) == 1)  # no number twice
    assert [id for _position, source, id in stored(data) if source == "/fault"] == [*events, "after"]
    assert rows(data, "SELECT seq FROM sqlite_sequence WHERE name = 'core_change'")[0][0] > sequence + 100_000
    assert rows(data, "SELECT world, identity FROM core_alert GROUP BY 1, 2 HAVING count(*) > 1") == []
    assert any("fell back" in str(bytes(body)) for (body,) in rows(data, "SELECT body FROM core_auditrow"))
    body = checked(data)
    assert (body["code"], body["ok"]) == (0, True), body
    assert [found["check"] for found in body["findings"]] == ["damaged"]
    (note,) = damages.notes(data, "state.db-wal")
    assert note.settled
    assert note.kept
