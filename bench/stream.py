"""From an event sent to its alert handled in a signed-in browser's EventSource, while the door takes 2,000 events a second.

    vonglau bench stream --json
    python bench/stream.py seconds=60

The real server on a free port. First some sensors learn what is usual (ten days of measurements each); then a steady load of
measurements of other sensors in small batches, and among them, five times a second, one that falls far below its usual: its alert is
made by the worker, its incident opened or fed, and the change pushed to the browser. The event's id carries the moment it was sent; the
alert names the log position of the event it rests on. Without Chromium a plain SSE client with the same session takes its place.
"""

import asyncio
import contextlib
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

TYPE = "vn.vonglau.traffic.measured"
USUAL = 50.0
LEARN, MINUTES = 720, 20
"""Measurements a sensor learns from, and minutes between them: ten days, working days and others."""
BATCH = 20
CLI = [sys.executable, "-m", "vonglau.cli"]
PASSWORD = "mot-mat-khau-cho-phep-do"


def event(id: str, sensor: int, when: datetime, value: float) -> dict[str, Any]:
    """A measurement of a sensor somewhere in Đà Nẵng."""
    spot = random.Random(sensor)
    return {
        "specversion": "1.0",
        "id": id,
        "source": "/bench/traffic",
        "type": TYPE,
        "subject": f"S{sensor}",
        "time": when.isoformat(),
        "lon": f"{spot.uniform(108.15, 108.26):.5f}",
        "lat": f"{spot.uniform(15.98, 16.10):.5f}",
        "data": {"quantity": "speed", "value": round(value, 1), "unit": "km/h", "period_s": 300},
    }


def cli(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run([*CLI, *arguments], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{arguments[0]}: {done.stderr}")
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


@contextlib.contextmanager
def server(data: Path, *arguments: str) -> Iterator[tuple[str, int]]:
    """(address, pid) of a served folder."""
    process = subprocess.Popen(
        [*CLI, "serve", "--data", str(data), "--port", "0", "--json", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"], process.pid
    finally:
        process.terminate()
        process.wait(15)


class Link:
    """One connection to the server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.http = HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def call(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, list[str]], bytes]:
        self.http.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = self.http.getresponse()
        found: dict[str, list[str]] = {}
        for key, value in answer.getheaders():
            found.setdefault(key.lower(), []).append(value)
        return answer.status, found, answer.read()


def post(link: Link, token: str, events: list[dict[str, Any]]) -> None:
    headers = {"Content_Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {token}"}
    status, _, said = link.call("POST", "/api/events", json.dumps(events).encode(), **headers)
    if status != 202:
        raise RuntimeError(f"{status}: {said[:200]!r}")


def learn(url: str, token: str, sensors: int) -> None:
    """Ten days of measurements for every sensor that will speak up, and the fold's arrival at the end of them."""
    link, start = Link(url), datetime.now(UTC) - timedelta(minutes=MINUTES * LEARN)
    rows = []
    for n in range(LEARN):
        when = start + timedelta(minutes=MINUTES * n)
        rows += [event(f"learn-{sensor}-{n}", sensor, when, random.gauss(USUAL, 2)) for sensor in range(sensors)]
    for at in range(0, len(rows), 1000):
        post(link, token, rows[at : at + 1000])
    while metric(url, "vonglau_detector_lag_events") > 0 or metric(url, "vonglau_detector_events_total") < len(rows):
        time.sleep(0.5)


def metric(url: str, name: str) -> float:
    for line in Link(url).call("GET", "/metrics")[2].decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return 0.0


def sign_in(url: str) -> str:
    """The session cookie of an operator."""
    link = Link(url)
    _, headers, _ = link.call("GET", "/accounts/login/")
    csrf = headers["set-cookie"][0].split("csrftoken=")[1].split(";")[0]
    form = urlencode({"login": "bench", "password": PASSWORD, "csrfmiddlewaretoken": csrf}).encode()
    more = {"Content_Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={csrf}", "Origin": url}
    status, headers, _ = link.call("POST", "/accounts/login/", form, **more)
    for cookie in headers.get("set-cookie", []):
        if cookie.startswith("sessionid="):
            return cookie.split("=", 1)[1].split(";")[0]
    raise RuntimeError(f"no session: {status}")


class Listener(threading.Thread):
    """Follows the stream with a session; `seen` is (Unix time, data) of every alert."""

    def __init__(self, url: str, session: str) -> None:
        super().__init__(daemon=True)
        self.url, self.session = url, session
        self.seen: list[tuple[float, dict[str, Any]]] = []
        self.ready, self.done = threading.Event(), threading.Event()


class Plain(Listener):
    """A plain SSE client."""

    kind = "plain SSE client"

    def run(self) -> None:
        link = Link(self.url)
        link.http.request("GET", "/api/stream?world=live", headers={"Cookie": f"sessionid={self.session}"})
        answer, name = link.http.getresponse(), b""
        while not self.done.is_set():
            line = answer.readline()
            if line.startswith(b"event:"):
                name = line[6:].strip()
                self.ready.set()
            elif line.startswith(b"data:") and name == b"alert":
                self.seen.append((time.time(), json.loads(line[5:])))


class Browser(Listener):
    """Headless Chromium with its own EventSource."""

    kind = "Chromium's EventSource"

    def run(self) -> None:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as p:
            browser = p.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            context = browser.new_context()
            context.add_cookies([{"name": "sessionid", "value": self.session, "url": self.url}])
            page = context.new_page()
            page.goto(
                self.url + "/no-such-page"
            )  # a page of ours, whose policy lets it connect, and that opens no stream itself
            page.evaluate(
                """() => new Promise(ready => {
                    window.seen = [];
                    const source = new EventSource("/api/stream?world=live");
                    source.addEventListener("alert", e => window.seen.push([Date.now(), JSON.parse(e.data)]));
                    source.addEventListener("hello", () => ready(true));
                })"""
            )
            self.ready.set()
            self.done.wait()
            self.seen = [(at / 1000, data) for at, data in page.evaluate("() => window.seen")]
            browser.close()


async def load(url: str, token: str, seconds: float, rate: int, alerts: float, sensors: int) -> int:
    """The steady load on four connections; how many events were accepted."""
    import aiohttp

    accepted, gap = 0, BATCH / rate
    headers = {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {token}"}
    began, serial, spoken = time.perf_counter(), 0, 0
    running: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16)) as session:

        async def send(events: list[dict[str, Any]]) -> None:
            nonlocal accepted
            async with session.post(url + "/api/events", data=json.dumps(events), headers=headers) as answer:
                accepted += (await answer.json())["accepted"]

        while (now := time.perf_counter() - began) < seconds:
            when = datetime.now(UTC)
            batch = [event(f"load-{serial + n}", 100_000 + (serial + n) % 10_000, when, USUAL) for n in range(BATCH)]
            serial += BATCH
            if spoken < min(sensors, now * alerts):
                batch[-1] = event(f"drop-{spoken}-{time.time():.6f}", spoken, when, 3.0)
                spoken += 1
            task = asyncio.ensure_future(send(batch))
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(max(0.0, began + serial / BATCH * gap - time.perf_counter()))
        await asyncio.gather(*running)
    return accepted


class Crowd:
    """Further signed-in streams, in a process of their own. `seen` is (stream, Unix time, reference, position) of every alert."""

    def __init__(self, url: str, session: str, streams: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.crowd", url, session, str(int(streams))],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "connected":
            raise RuntimeError("the streams did not connect")

    def end(self) -> list[tuple[int, float, str, int]]:
        said, _ = self.process.communicate("", timeout=60)
        return [tuple(json.loads(line)) for line in said.splitlines()]


Arrival = tuple[int, float, str, int]


def sent(data: Path, positions: set[int]) -> dict[int, float]:
    """When the falling measurements at these log positions were sent (Unix time); others are left out."""
    from vonglau.engines import open_reader

    reader = open_reader(data)
    return {
        one.pos: float(one.event.id.rsplit("-", 1)[1])
        for one in reader.get(sorted(positions))
        if one.event.id.startswith("drop-")
    }


def delays(data: Path, seen: list[Arrival]) -> list[float]:
    """Seconds from sending a falling measurement to its alert's first arrival at each stream."""
    first: dict[tuple[int, str], tuple[float, int]] = {}
    for stream, at, ref, position in seen:
        if position:
            first.setdefault((stream, ref), (at, position))
    when = sent(data, {position for _at, position in first.values()})
    return sorted(at - when[position] for at, position in first.values() if position in when)


def quantiles(found: list[float], name: str = "") -> dict[str, float]:
    return {
        f"{name}p50_ms": round(statistics.median(found) * 1000, 1),
        f"{name}p99_ms": round(found[min(len(found) - 1, int(len(found) * 0.99))] * 1000, 1),
        f"{name}max_ms": round(found[-1] * 1000, 1),
    }


def run(
    seconds: float = 30, rate: int = 2000, alerts: float = 5, browser: int = -1, browsers: int = 0
) -> dict[str, Any]:
    """`browser`: 1 Chromium, 0 a plain client, -1 Chromium where there is one. `browsers`: further signed-in streams beside it."""
    with_browser = bool(shutil.which("chromium")) if browser < 0 else bool(browser)
    sensors = int(seconds * alerts)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        cli("init", "--data", str(data))
        token = cli("token", "create", "bench", "--scope", "events:write,read", "--data", str(data))
        cli("user", "create", "bench", "--role", "operator", "--data", str(data), stdin=PASSWORD + "\n")
        with server(data) as (url, pid):
            learn(url, token, sensors)
            listener = (Browser if with_browser else Plain)(url, sign_in(url))
            listener.start()
            if not listener.ready.wait(60):
                raise RuntimeError("the listener did not come up")
            crowd = Crowd(url, listener.session, browsers) if browsers else None
            before = cpu(pid)
            accepted = asyncio.run(load(url, token, seconds, rate, alerts, sensors))
            after = cpu(pid)
            time.sleep(2)
            listener.done.set()
            listener.join(10)
            theirs = crowd.end() if crowd else []
            seen = [(0, at, one["ref"], (one["evidence"] or [0])[-1]) for at, one in listener.seen]
            found, everywhere = delays(data, seen), delays(data, theirs)
    if not found:
        raise RuntimeError("no alert arrived")
    return {
        "name": "stream",
        "listener": listener.kind,
        "events_per_s": round(accepted / seconds),
        "alerts": len(found),
        "alerts_expected": sensors,
        "open_streams": int(browsers) + 1,
        **quantiles(found),
        **(quantiles(everywhere, "all_streams_") if everywhere else {}),
        "cpu_of_one_core": {name: round((after[name] - before.get(name, 0)) / seconds, 3) for name in after},
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def cpu(pid: int) -> dict[str, float]:
    """Processor seconds of each process of the server."""
    tick, found = os.sysconf("SC_CLK_TCK"), {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        found[words[words.index("--name") + 1]] = (int(fields[11]) + int(fields[12])) / tick
    return found


if __name__ == "__main__":
    options = {key: float(value) for key, _, value in (word.partition("=") for word in sys.argv[1:])}
    print(json.dumps(run(**options), indent=2))  # type: ignore[arg-type]
