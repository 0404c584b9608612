"""Several hosts on PostgreSQL: door and worker on one, pages on another, a second worker that stands by; nothing shared but the database."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import engines, postgres
from tests.serving import VONGLAU, environment, free_port

pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing() or "-")

EVENT = {"specversion": "1.0", "id": "1", "source": "/test", "type": "test.thing", "time": "2026-11-20T00:00:00Z"}


@dataclass
class Host:
    """A machine of the installation: a data folder of its own, and how programs run there."""

    name: str
    data: Path
    database: str
    prefix: list[str] = field(default_factory=list)
    """Before every command: `ip netns exec …`, where hosts have networks of their own."""

    def variables(self) -> dict[str, str]:
        return {
            **environment(),
            "VONGLAU_DATABASE": self.database,
            "VONGLAU_DATA": str(self.data),
            "VONGLAU_HOST_NAME": self.name,
            "VONGLAU_FILES": str(self.data.parent / "files"),
            "VONGLAU_HISTORY": str(self.data.parent / "history"),
        }

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [*self.prefix, *VONGLAU, *words], env=self.variables(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def serving(self, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
        with (self.data.parent / f"{self.name}.log").open("w") as log:
            process = subprocess.Popen(
                [*self.prefix, *VONGLAU, "serve", *words], env=self.variables(), stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(30)

    def said(self) -> str:
        return (self.data.parent / f"{self.name}.log").read_text()

    def join(self, first: "Host") -> None:
        """What an administrator carries to a further host: the secrets."""
        self.data.mkdir(mode=0o700)
        shutil.copytree(first.data / "secrets", self.data / "secrets")


def ask(address: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    host, _, port = address.partition(":")
    link = HTTPConnection(host, int(port), timeout=30)
    link.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
    answer = link.getresponse()
    data = answer.read()
    link.close()
    is_json = "json" in (answer.getheader("Content-Type") or "")
    return answer.status, json.loads(data) if is_json else data


def wait(what: str, until: Any, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if until():
                return
        except OSError:
            pass
        assert time.monotonic() < end, what
        time.sleep(0.2)


def folding(database: str) -> dict[str, bool]:
    """Of each worker on the board that is alive, whether it folds (or stands by), by its host."""
    with psycopg.connect(database) as db:
        rows = db.execute(
            "SELECT body FROM vonglau_state.core_beat WHERE name LIKE 'worker@%%' AND at > now() - interval '6 seconds'"
        ).fetchall()
    return {body["host"]: "fold" in body["beats"] for (body,) in rows}


def work(a: Host, b: Host, d: Host, door: str, pages: str) -> None:
    """The story: everything works across hosts, and when one stops the rest goes on."""
    with ExitStack() as running:
        first = running.enter_context(
            a.serving("--only", "door", "--only", "worker", "--host", door.partition(":")[0], "--port",
                      door.partition(":")[2], "--name", door.partition(":")[0], "--web-at", pages)
        )  # fmt: skip
        second = running.enter_context(
            b.serving(
                "--only", "web", "--web-listen", pages, "--door", f"http://{door}", "--name", door.partition(":")[0]
            )
        )
        wait(a.name + " is not ready\n" + a.said(), lambda: ask(door, "GET", "/readyz")[0] == 200)
        running.enter_context(d.serving("--only", "worker", "--door", f"http://{door}"))
        wait("two workers on the board", lambda: folding(a.database) == {"a": True, "d": False})
        assert "stands by" in d.said()
        # Events by the door of a, a page and a report by the web processes of b, the change stream by the door again.
        bearer = a.run("token", "create", "t", "--scope", "events:write,read,reports:write").split()[-1]
        headers = {"Authorization": f"Bearer {bearer}"}
        body = json.dumps(EVENT).encode()
        assert ask(door, "POST", "/api/events", body, Content_Type="application/cloudevents+json", **headers)[0] == 202
        assert ask(door, "GET", "/accounts/login/")[0] == 200
        assert ask(pages, "GET", "/accounts/login/", X_Forwarded_For="127.0.0.1")[0] == 403
        stream = HTTPConnection(*door.split(":"), timeout=60)  # type: ignore[arg-type]
        stream.request("GET", "/api/stream", headers=headers)
        following = stream.getresponse()
        code = ask(door, "GET", "/open311/v2/services.json")[1][0]["service_code"]
        report = f"service_code={code}&lat=16.0678&long=108.2208&description=nhieu+may".encode()
        form = "application/x-www-form-urlencoded"
        status, said = ask(door, "POST", "/open311/v2/requests.json", report, Content_Type=form, **headers)
        assert status in (200, 201), said
        while not (line := following.readline()).startswith(b"event: incident"):
            assert line, "the stream ended"
        stream.close()
        # Figures of all hosts stand at the door's /metrics, each under its host.
        shown = ask(door, "GET", "/metrics", **headers)[1].decode()
        assert all(
            f'vonglau_up{{process="{name}"}} 1.0' in shown for name in ("door@a", "web1@b", "worker@a", "worker@d")
        )
        # The worker that folds is gone, and nobody on its host starts it again: the other takes over.
        os.kill(first.pid, signal.SIGSTOP)
        os.kill(worker_of(first.pid), signal.SIGKILL)
        wait("nobody took over\n" + d.said(), lambda: folding(a.database).get("d") is True)
        os.kill(first.pid, signal.SIGCONT)
        wait("the door does not see who folds", lambda: ask(door, "GET", "/readyz")[0] == 200)
        # Without pages events still come in.
        second.terminate()
        second.wait(30)
        assert ask(door, "GET", "/accounts/login/")[0] in (502, 504)
        body = json.dumps({**EVENT, "id": "2"}).encode()
        assert ask(door, "POST", "/api/events", body, Content_Type="application/cloudevents+json", **headers)[0] == 202


def worker_of(supervisor: int) -> int:
    """The worker process below it."""
    waiting = [supervisor]
    while waiting:
        pid = waiting.pop()
        if "worker\0--name" in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting += [int(child) for child in task.read_text().split()]
    raise AssertionError("there is no worker")


def three(folder: Path, database: str) -> tuple[Host, Host, Host]:
    a, b, d = (Host(name, folder / name, database) for name in "abd")
    a.run("init", "--locality", "48")
    for other in (b, d):
        other.join(a)
    return a, b, d


def test_door_pages_and_workers_live_apart(tmp_path: Path) -> None:
    with postgres.server(**postgres.FAST) as server:
        a, b, d = three(tmp_path, server.url("city"))
        work(a, b, d, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")


IP = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")
NETWORK = f"10.213.{os.getpid() % 250}"
"""Drawn anew by each run: what a killed one has left behind must not answer for this one."""


def ip(*words: str) -> None:
    assert IP is not None
    subprocess.run([IP, *words], check=True, capture_output=True)


@pytest.fixture
def networks() -> Iterator[dict[str, tuple[list[str], str]]]:
    """A network with three hosts, made here and gone afterwards: (words before a command, address) by name. We stand at .254."""
    if IP is None or os.geteuid() != 0:
        pytest.skip("making network namespaces needs root and iproute2")
    bridge, spaces = f"vlb{os.getpid() % 10_000}", {name: f"vl{os.getpid()}{name}" for name in "abd"}
    try:
        try:
            ip("link", "add", bridge, "type", "bridge")
            ip("addr", "add", f"{NETWORK}.254/24", "dev", bridge)
            ip("link", "set", bridge, "up")
            for number, (name, space) in enumerate(spaces.items(), 1):
                ip("netns", "add", space)
                ip("link", "add", f"{bridge}{name}", "type", "veth", "peer", "name", "eth0", "netns", space)
                ip("link", "set", f"{bridge}{name}", "master", bridge, "up")
                ip("-n", space, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
                ip("-n", space, "link", "set", "lo", "up")
                ip("-n", space, "link", "set", "eth0", "up")
        except subprocess.CalledProcessError as refused:
            pytest.skip(f"network namespaces are not allowed here: {refused.stderr.decode().strip()}")
        yield {
            name: ([IP, "netns", "exec", space], f"{NETWORK}.{number}")
            for number, (name, space) in enumerate(spaces.items(), 1)
        }
    finally:
        for space in spaces.values():
            subprocess.run([IP, "netns", "del", space], check=False, capture_output=True)
        subprocess.run([IP, "link", "del", bridge], check=False, capture_output=True)


def test_so_they_do_with_a_network_between_them(tmp_path: Path, networks: dict[str, tuple[list[str], str]]) -> None:
    """Each host in a network namespace: what reaches another goes over its address, or not at all."""
    folder = Path(tempfile.mkdtemp(prefix="vl-pg-", dir="/tmp"))
    server = postgres.Server(folder, {**postgres.FAST, "listen_addresses": f"{NETWORK}.254"})
    try:
        server.make()
        with (folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all vonglau {NETWORK}.0/24 trust\n")
        server.start()
        server.url("city")
        hosts = three(tmp_path, f"postgresql://vonglau@{NETWORK}.254:5432/city")
        for host in hosts:
            host.prefix = networks[host.name][0]
        work(*hosts, f"{networks['a'][1]}:8000", f"{networks['b'][1]}:8100")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
