"""The disk of the data folder becomes slow, then so slow that nobody can wait for it: who is refused is told, and all is seen."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import engines
from tests.faults.events import batch, post, stored
from tests.faults.people import PASSWORD, Person
from tests.faults.shim import Shim
from tests.serving import Serving, new_city, ran, serving, token, vonglau

SLOW, STUCK = 400, 3_600_000
"""Milliseconds that each fsync takes longer. Stuck: until the test lets go."""
SENDERS, EVENTS = 16, 1_000
MEMORY = 150 << 20


class Sender(threading.Thread):
    """Sends one batch and keeps the answer."""

    def __init__(self, server: Serving, key: str, ids: list[str]) -> None:
        super().__init__(daemon=True)
        self.server, self.key, self.ids = server, key, ids
        self.status, self.detail, self.again = 0, "", ""

    def run(self) -> None:
        self.status, headers, said = post(self.server, self.key, batch(self.ids))
        self.detail, self.again = str(said), headers.get("retry-after", "")


def test_a_slow_disk(shim: Shim, tmp_path: Path) -> None:
    if engines.POSTGRESQL:
        pytest.skip("on PostgreSQL the log's disk is the server's; the door's bounds are the same")
    data = new_city(tmp_path / "city")
    key = token(data)
    ran("user", "create", "quan.tri", "--role", "administrator", "--data", data, stdin=PASSWORD + "\n")
    with serving(data) as server:
        person = Person(server.url)
        assert person.sign_in("quan.tri")[0] == 200
        memory = _memory(server)
        shim.disk(SLOW)
        acknowledged = _while_it_is_slow(server, key, person)
        shim.disk(STUCK)
        waiting, refused = _while_it_is_stuck(server, key)
        grown = _memory(server) - memory
        shim.disk(0)
        for sender in waiting:
            sender.join(30)
            assert sender.status == 202, sender.detail
            acknowledged += sender.ids
        server.wait_ready(60)
        for sender in refused:
            status, _headers, said = post(server, key, batch(sender.ids))
            assert (status, said["accepted"]) == (202, len(sender.ids)), f"{said}: nothing refused had been kept"
            acknowledged += sender.ids
        for number in range(30):  # the last ones say how it is now
            assert post(server, key, batch([f"after-{number}"]))[0] == 202
            acknowledged.append(f"after-{number}")
        assert "why" not in _door(server), "it is fast again"
        assert grown < MEMORY, f"what waits is bounded, and yet the server grew by {grown >> 20} MiB"
    times = stored(data)
    assert [id for id in acknowledged if times[id] != 1] == []
    assert set(times) == set(acknowledged)
    checked = vonglau("check", "--data", data)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _while_it_is_slow(server: Serving, key: str, person: Person) -> list[str]:
    """Everybody is served, later; and whoever looks is told why."""
    senders = [Sender(server, key, [f"slow-{one}-{n}" for n in range(100)]) for one in range(SENDERS)]
    _all(senders)
    assert {sender.status for sender in senders} == {202}
    assert "disk is slow" in _door(server)["why"]
    figures = server.request("GET", "/metrics")[2].decode().splitlines()
    recent = next(line for line in figures if line.startswith("vonglau_commit_recent_seconds"))
    assert float(recent.split()[-1]) >= SLOW / 1000 / 2
    _until(lambda: "Đĩa ghi chậm" in person.ask("/administration/health/")[1], "the health page says it")
    return [id for sender in senders for id in sender.ids]


def _while_it_is_stuck(server: Serving, key: str) -> tuple[list[Sender], list[Sender]]:
    """Who came first waits; when the disk has not answered for long, others are refused at once, with when to come again."""
    waiting = [Sender(server, key, [f"waits-{one}-{n}" for n in range(EVENTS)]) for one in range(3)]
    for sender in waiting:
        sender.start()
    _until(lambda: "waiting to be written" in _door(server).get("why", ""), "the door takes no more")
    refused = [Sender(server, key, [f"refused-{one}-{n}" for n in range(EVENTS)]) for one in range(SENDERS)]
    _all(refused)
    for sender in refused:
        assert sender.status == 429, sender.detail
        assert int(sender.again) > 0
        assert "disk is slow" in sender.detail
    assert not _door(server)["ok"]
    assert "disk is slow" in _door(server)["why"]
    assert server.request("GET", "/healthz")[0] == 200
    return waiting, refused


def _door(server: Serving) -> dict[str, Any]:
    found: dict[str, Any] = server.request("GET", "/readyz")[2]["checks"]["door"]
    return found


def _all(senders: list[Sender]) -> None:
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)


def _memory(server: Serving) -> int:
    """Bytes of the processes of this server, what they share counted with each."""
    found = 0
    for pid in server.children():
        status = Path(f"/proc/{pid}/status").read_text()
        found += 1024 * sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return found


def _until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if true():
            return
        time.sleep(0.2)
    raise AssertionError(what)
