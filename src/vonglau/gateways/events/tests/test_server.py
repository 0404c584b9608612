"""A real server on a real socket: each mode once, the limits, a kill, and no Django in the process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests import engines

from vonglau.core.errors import Unavailable
from vonglau.engines import open_reader, open_writer
from vonglau.gateways.events.tests.helpers import cloud_event

SOURCE = Path(__file__).resolve().parents[4]


@contextmanager
def serving(data: Path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    data.mkdir(parents=True, exist_ok=True)  # there, its database is remembered in it, for the reader of this process
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--loop", "uvloop", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--no-access-log", "--log-level", "warning"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "VONGLAU_TEST_DATA": str(data), **engines.variables(data)}
    process = subprocess.Popen([*command, "vonglau.gateways.events.tests.served:app"], env=environment, cwd=data.parent)
    try:
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.02)
        yield process, port
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def post(port: int, body, headers: dict[str, str], path: str = "/api/events") -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, {"Authorization": "Bearer writer", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def workers(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def event(n: int, **changed):
    return cloud_event(n, time="2026-01-01T00:00:00Z", **changed)


def test_every_mode_over_a_real_socket(tmp_path):
    accepted = {"accepted": 1, "duplicates": 0, "quarantined": []}
    with serving(tmp_path / "data") as (_, port):
        structured = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        assert post(port, json.dumps(event(1)), structured) == (202, accepted)
        batch = {"Content-Type": "application/cloudevents-batch+json"}
        status, body = post(port, json.dumps([event(2), event(1), {}]), batch)
        assert (status, body["accepted"], body["duplicates"], body["quarantined"][0]["index"]) == (202, 1, 1, 2)
        binary = {
            "ce-specversion": "1.0",
            "ce-id": "b",
            "ce-source": "/s",
            "ce-type": "t",
            "ce-subject": "Vi%E1%BB%87t",
        }
        assert post(port, b'{"a":1}', {**binary, "Content-Type": "application/json"}) == (202, accepted)

        assert post(port, b"nope", structured)[0] == 400
        assert post(port, b"[]", {**batch, "Authorization": "Bearer wrong"})[0] == 401
        assert post(port, b"[" + b"1," * 10_001 + b"1]", batch)[0] == 413
        assert post(port, b" " * 50_000_000, batch)[0] == 413, (
            "a sender that reads nothing before it has sent all still learns why"
        )
        chunks = (b"[" + b" " * (1 << 20) for _ in range(17))
        assert post(port, chunks, batch)[0] == 413
        assert post(port, json.dumps(event(3)), structured) == (202, accepted)

    reader = open_reader(tmp_path / "data")
    found, _ = reader.read(0, 10)
    reader.close()
    assert [(one.event.id, one.event.subject) for one in found] == [
        ("e1", None),
        ("e2", None),
        ("b", "Việt"),
        ("e3", None),
    ]
    open_writer(tmp_path / "data").close()  # the server let go of it


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def opened(data):
    """The lock goes with the killed process, once the kernel has buried it."""
    until = time.monotonic() + 20
    while True:
        try:
            return open_writer(data)
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_a_killed_server_has_kept_what_it_acknowledged(tmp_path):
    batch = {"Content-Type": "application/cloudevents-batch+json"}
    acknowledged = 0
    with serving(tmp_path / "data") as (process, port):
        for start in range(0, 1_000, 50):
            status, body = post(port, json.dumps([event(n) for n in range(start, start + 50)]), batch)
            assert status == 202
            acknowledged += body["accepted"]
        (worker,) = workers(process.pid)
        process.kill()  # first, or it would start another worker
        os.kill(worker, signal.SIGKILL)
        process.wait(30)
    log = opened(tmp_path / "data")
    assert log.head() == acknowledged == 1_000
    assert len({one.event.id for one in log.read(0, 2_000)[0]}) == 1_000
    log.close()


def test_the_door_never_loads_django():
    code = (
        "import sys, vonglau.gateways.events.door, vonglau.gateways.events.ticks, vonglau.engines.embedded.log\n"
        "found = [name for name in ('django', 'ninja') if name in sys.modules]\n"
        "assert not found, found"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
