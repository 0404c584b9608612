"""Starts the real product as a user does, in a folder of its own, and stops it: for journeys and faults."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import engines

VONGLAU = [sys.executable, "-m", "vonglau.cli"]


def environment(data: Path | str | None = None) -> dict[str, str]:
    """The caller's, less what belongs to the test session's own Django; with the database of this data folder, if it has one."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VONGLAU_", "DJANGO_", "PYTEST_"))}
    return kept | engines.variables(data)


def _data_of(arguments: Sequence[str | Path]) -> str | Path | None:
    """Which data folder a command is about: `--data` names it, or it is what `restore` is to make."""
    if arguments[:1] == ("restore",):
        return arguments[2]
    return next((arguments[at + 1] for at, word in enumerate(arguments[:-1]) if word == "--data"), None)


def vonglau(
    *arguments: str | Path, stdin: str | None = None, timeout: float = 120
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*VONGLAU, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(_data_of(arguments)),
        check=False,
    )


def ran(*arguments: str | Path, **more: Any) -> str:
    """The standard output of a command that must succeed."""
    done = vonglau(*arguments, **more)
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Serving:
    url: str
    data: Path
    process: "subprocess.Popen[str]"

    def request(
        self, method: str, path: str, body: Any = None, token: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers (lower case), and the decoded JSON (or the bytes)."""
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        data, got = answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        decoded = json.loads(data) if "json" in got.get("content-type", "") and data else data
        return answer.status, got, decoded

    def wait_ready(self, seconds: float = 60) -> None:
        until, said = time.monotonic() + seconds, None
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}\n{self._last_words()}")
            try:
                status, _headers, said = self.request("GET", "/readyz")
                if status == 200:
                    return
            except (OSError, HTTPException) as problem:
                said = problem
            time.sleep(0.1)
        raise AssertionError(f"the server did not become ready: {said!r}\n{self._last_words()}")

    def _last_words(self) -> str:
        log = self.data.with_name(f"{self.data.name}.log")
        return log.read_text(encoding="utf-8", errors="replace")[-4000:] if log.exists() else ""

    def children(self) -> list[int]:
        """Every process of this server below its supervisor."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                below = [int(child) for child in task.read_text().split()]
                found += below
                waiting += below
        return found


@contextmanager
def serving(data: Path, *arguments: str, command: str = "serve") -> Iterator[Serving]:
    """The server on a free port; stopped by its pid, and everything below it with it."""
    port = free_port()
    log = (data.parent / f"{data.name}.log").open("w")
    process = subprocess.Popen(
        [*VONGLAU, command, "--data", str(data), "--port", str(port), *arguments],
        stdout=log,
        stderr=log,
        text=True,
        env=environment(data),
        start_new_session=True,
    )
    server = Serving(f"http://127.0.0.1:{port}", data, process)
    try:
        server.wait_ready(180 if command == "demo" else 60)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        log.close()


def new_city(data: Path) -> Path:
    """A fresh installation of Đà Nẵng: made once per test session by `vonglau init`, and copied."""
    base = Path(os.environ["VONGLAU_TEST_CITIES"])
    made = base / "city"
    with (base / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (base / "done").exists():
            ran("init", "--data", made, "--locality", "48", timeout=300)
            (base / "done").touch()
        return engines.copied(made, data)


def token(data: Path, scope: str = "events:write,read", world: str = "live", name: str = "test") -> str:
    said = ran("token", "create", name, "--scope", scope, "--world", world, "--data", data)
    return said.strip().splitlines()[-1]


def until_folded(server: Serving, seconds: float = 90) -> None:
    """Wait until every detector has folded all there is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        figures = server.request("GET", "/metrics")[2].decode().splitlines()
        lag = [line for line in figures if line.startswith("vonglau_detector_lag_events")]
        if lag and all(float(line.split()[-1]) == 0 for line in lag):
            return
        time.sleep(0.2)
    raise AssertionError("the worker did not go on")
