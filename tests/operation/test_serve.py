"""`serve` as an operator meets it: it stops at once with streams open, brings back what dies, and refuses what would do harm."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.serving import VONGLAU, Serving, environment, new_city, ran, serving, token, vonglau

EVENT = {"specversion": "1.0", "source": "/test", "type": "test.thing", "time": "2026-11-20T00:00:00Z", "data": {}}


def processes(server: Serving) -> dict[str, int]:
    """The parts by name, and their process ids."""
    found = {}
    for pid in server.children():
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if "--name" in words:
            found[words[words.index("--name") + 1]] = pid
    return found


class Stream:
    """An open change stream."""

    def __init__(self, server: Serving, key: str, after: str = "") -> None:
        parts = urlsplit(server.url)
        self.link = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        more = {"Last-Event-ID": after} if after else {}
        self.link.request("GET", "/api/stream", headers={"Authorization": f"Bearer {key}", **more})
        self.answer = self.link.getresponse()
        self.status = self.answer.status

    def next(self) -> tuple[str, str, dict[str, object]]:
        """(name, id, data) of the next event that has data; an empty name at the end."""
        fields: dict[str, str] = {}
        while line := self.answer.readline():
            key, _, value = line.decode().strip().partition(": ")
            if key:
                fields[key] = value
            elif "event" in fields:
                return fields["event"], fields["id"], json.loads(fields["data"])
            else:
                fields = {}
        return "", "", {}


Open = Callable[..., Stream]


@pytest.fixture
def stream() -> Iterator[Open]:
    """Opens streams and closes them afterwards."""
    opened: list[Stream] = []

    def open_one(*given: Any, **more: Any) -> Stream:
        opened.append(Stream(*given, **more))
        return opened[-1]

    yield open_one
    for one in opened:
        one.answer.close()
        one.link.close()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_city(tmp_path_factory.mktemp("serve") / "city")


def test_it_stops_at_once_with_streams_open(city: Path, stream: Open) -> None:
    key = token(city)
    with serving(city) as server:
        streams = [stream(server, key) for _ in range(30)]
        assert all(one.next()[0] == "hello" for one in streams)
        parts = processes(server)
        began = time.monotonic()
        server.process.terminate()
        server.process.wait(20)
        took = time.monotonic() - began
        assert server.process.returncode == 0
        assert took < 5, f"{took:.1f} s with 30 streams open"
        assert all(one.next()[0] == "" for one in streams)
        for pid in parts.values():
            assert not Path(f"/proc/{pid}").exists()


def test_what_dies_comes_back_and_clients_wait_instead_of_being_refused(city: Path) -> None:
    key = token(city)
    with serving(city, "--web", "2") as server:
        before = processes(server)
        assert set(before) == {"door", "web1", "web2", "worker"}
        for name in before:
            os.kill(processes(server)[name], signal.SIGKILL)
            if name == "door":
                # The socket is the supervisor's: the request waits in its queue until the new door is there.
                status, _, said = server.request("POST", "/api/events", {**EVENT, "id": "while-away"}, key)
                assert status == 202, said
            until = time.monotonic() + 60
            while processes(server).get(name, before[name]) == before[name]:
                assert time.monotonic() < until, f"{name} did not come back"
                time.sleep(0.05)
            server.wait_ready()
        assert all(pid != before[name] for name, pid in processes(server).items())
        restarts = dict(
            re.findall(
                r'vonglau_process_restarts_total\{process="(\w+)"\} (\d+)',
                server.request("GET", "/metrics")[2].decode(),
            )
        )
        assert restarts == {"door": "1", "web1": "1", "web2": "1", "worker": "1"}


def test_when_the_supervisor_is_killed_nothing_is_left_behind(city: Path) -> None:
    with serving(city) as server:
        parts = processes(server)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
        until = time.monotonic() + 20
        while any(
            Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes()
            for pid in parts.values()
        ):
            assert time.monotonic() < until, "a part outlived its supervisor"
            time.sleep(0.05)
    with serving(city) as again:
        assert again.request("GET", "/healthz")[0] == 200


def test_a_folder_is_served_once_and_a_port_only_if_it_is_free(city: Path) -> None:
    with serving(city) as server:
        second = vonglau("serve", "--data", city, "--port", "0")
        assert second.returncode == 2
        assert str(server.process.pid) in second.stderr
        assert "Traceback" not in second.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = vonglau("serve", "--data", city, "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 2
    assert "--port" in refused.stderr
    nowhere = vonglau("serve", "--data", city.parent / "nowhere")
    assert nowhere.returncode == 2
    assert "vonglau init" in nowhere.stderr


def test_json_says_where_it_serves_when_it_is_ready(city: Path) -> None:
    process = subprocess.Popen(
        [*VONGLAU, "serve", "--data", str(city), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    try:
        assert said["pid"] == process.pid
        parts = urlsplit(said["url"])
        link = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        link.request("GET", "/readyz")
        answer = link.getresponse()
        body = json.loads(answer.read())
        link.close()
        assert answer.status == 200
        assert body["ready"] is True
        assert set(body["checks"]) == {"door", "web", "worker"}
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_tokens_do_what_their_scopes_say(city: Path, stream: Open) -> None:
    with serving(city) as server:
        writer, reader = token(city, "events:write"), token(city, "read")
        drill = token(city, "events:write", world="dien-tap-1")
        post = {**EVENT, "id": "scopes"}
        assert server.request("POST", "/api/events", post, writer)[0] == 202  # made while it serves: works at once
        assert server.request("POST", "/api/events", post, reader)[0] == 403
        assert server.request("POST", "/api/events", post)[0] == 401
        assert server.request("POST", "/api/events", post, "vl_made-up")[0] == 401
        status, _, said = server.request("POST", "/api/events", {**post, "id": "other"}, drill)
        assert (status, said["accepted"]) == (202, 0)
        assert len(said["quarantined"]) == 1
        status, _, said = server.request(
            "POST", "/api/events", {**post, "id": "other", "exercise": "dien-tap-1"}, drill
        )
        assert (status, said["accepted"]) == (202, 1)
        assert stream(server, writer).status == 403
        assert stream(server, reader).status == 200
        rows = json.loads(ran("token", "list", "--data", city, "--json").splitlines()[-1])["items"]
        ran(
            "token",
            "revoke",
            str(max(row["id"] for row in rows if row["world"] == "live" and row["scopes"] == ["events:write"])),
            "--data",
            city,
        )
        until = time.monotonic() + 10
        while server.request("POST", "/api/events", post, writer)[0] != 401:
            assert time.monotonic() < until, "a revoked token still works"
            time.sleep(0.1)
        assert vonglau("token", "create", "x", "--scope", "everything", "--data", city).returncode == 2


def test_the_stream_goes_on_after_the_door_was_killed(city: Path, stream: Open) -> None:
    """A report makes an incident; the browser's habit (Last-Event-ID) misses none, whatever happened in between."""
    key, citizen = token(city), token(city, "reports:write")

    def report(n: int) -> None:
        body = f"service_code={code}&lat=16.0678&long=108.2208&description=test+{n}".encode()
        status, _, said = server.request(
            "POST",
            "/open311/v2/requests.json",
            body,
            citizen,
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert status in (200, 201), said

    with serving(city) as server:
        code = server.request("GET", "/open311/v2/services.json")[2][0]["service_code"]
        following = stream(server, key)
        assert following.next()[0] == "hello"
        report(1)
        name, first, data = following.next()
        while name != "incident":
            name, first, data = following.next()
        os.kill(processes(server)["door"], signal.SIGKILL)
        report(2)
        again = stream(server, key, after=first)
        assert again.next()[0] == "hello"
        seen = []
        while len(set(seen)) < 1:
            name, _, after = again.next()
            if name == "incident":
                seen.append(after["ref"])
        assert data["ref"] not in seen
