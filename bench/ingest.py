"""How fast the door takes events: a real server in its own process, durable, with every check; the load comes over loopback.

    python -m bench.ingest                      # both scenarios, as JSON
    python -m bench.ingest batched --seconds 10 --connections 4 --batch 1000
    python -m bench.ingest single --seconds 10 --connections 64

Generator and server share the machine's cores, so its own cost is stated too. Every answer is read, and afterwards the log is
counted: what was accepted must be there.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

import vonglau
from bench.stores import Store, store
from vonglau.services.traffic.payloads import EVENT_TYPE

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "bench"
MOST_EVENTS = 3_000_000
WARM_S = 1.0
_SERIAL, _TIME = b"%SERIAL%", b"%%%%%%%%%%TIME%%%%%%%%%%"


def batched(
    seconds: float = 10.0, connections: int = 4, batch: int = 1000, *, engine: str = "sqlite", stored: int = 0
) -> dict[str, Any]:
    """Events per second in batches, beside so many that are stored already."""
    return _measure("ingest-batched", seconds, connections, batch, engine, stored)


def single(seconds: float = 10.0, connections: int = 64, *, engine: str = "sqlite", stored: int = 0) -> dict[str, Any]:
    """Events per second, one event a request, beside so many that are stored already."""
    return _measure("ingest-single", seconds, connections, 1, engine, stored)


def _measure(name: str, seconds: float, connections: int, batch: int, engine: str, stored: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vonglau-bench-") as folder, store(engine, Path(folder)) as place:
        filled = place.fill(stored)
        with _server(place) as (process, port):
            loop = uvloop.new_event_loop()
            try:
                load = loop.run_until_complete(_drive(port, (process.pid, place.pid), seconds, connections, batch))
            finally:
                loop.close()
            _stop(process)
        reader = place.open_reader()
        there = reader.head() - stored
        reader.close()
    if there != load.sent_total:
        raise SystemExit(f"{load.sent_total} events were acknowledged, {there} are in the log")
    times = sorted(load.latencies)
    return {
        "name": name,
        "connections": connections,
        "batch": batch,
        "seconds": round(load.seconds, 2),
        "events": load.events,
        "events_per_s": round(load.events / load.seconds),
        "p50_ms": round(times[len(times) // 2] * 1000, 2),
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 2),
        "server_cpu_us_per_event": round(load.server_cpu / load.events * 1e6, 2),
        **({"database_cpu_us_per_event": round(load.database_cpu / load.events * 1e6, 2)} if place.pid else {}),
        "generator_cpu_us_per_event": round(load.own_cpu / load.events * 1e6, 2),
        "event_bytes": round(load.bytes_per_event),
        "engine": engine,
        "stored": stored,
        **({"filled_events_per_s": round(filled)} if stored else {}),
        "durable": place.version,
        "checks": "all, payload of a declared type included",
        "sqlite": sys.modules["sqlite3"].sqlite_version,
        "python": platform.python_version(),
        "vonglau": vonglau.__version__,
        "machine": _machine(),
    }


# the server


@contextmanager
def _server(place: Store) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--loop", "uvloop", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(
        [*command, "bench.ingest_server:app"],
        env={**place.environment, "PYTHONPATH": path, "VONGLAU_BENCH_DATA": str(place.folder)},
        cwd=place.folder,
    )
    try:
        _wait(process, port)
        yield process, port
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _cpu(pid: int) -> float:
    """Processor seconds of a process and its children that still live; 0 for none."""
    ticks = 0
    waiting = [pid] if pid else []
    while waiting:
        one = waiting.pop()
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
        waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return ticks / os.sysconf("SC_CLK_TCK")


# the load


@dataclass
class _Load:
    """What the generator saw between warm-up and end."""

    latencies: list[float] = field(default_factory=list)
    events: int = 0
    sent_total: int = 0
    seconds: float = 0.0
    server_cpu: float = 0.0
    database_cpu: float = 0.0
    own_cpu: float = 0.0
    bytes_per_event: float = 0.0
    counting: bool = False
    ending: bool = False


def _template(batch: int, port: int) -> bytes:
    """One request, with places for what must differ between requests: a serial in the ids, and the time."""
    events = [_event(n) for n in range(batch)]
    body = b"[" + b",".join(events) + b"]" if batch > 1 else events[0]
    media = "application/cloudevents-batch+json" if batch > 1 else "application/cloudevents+json"
    head = f"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
    return f"{head}Content-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _event(n: int) -> bytes:
    sensor = random.randrange(5_000)
    attributes = {
        "specversion": "1.0",
        "id": f"{_SERIAL.decode()}-{secrets.token_hex(12)}",
        "source": f"/sensors/{sensor}",
        "type": EVENT_TYPE,
        "time": _TIME.decode(),
        "subject": f"road-{sensor % 1_000}",
        "lon": f"{108.1 + sensor / 20_000:.6f}",
        "lat": f"{16.0 + sensor / 40_000:.6f}",
        "data": {"quantity": "speed", "value": round(random.uniform(0, 60), 2), "unit": "km/h", "period_s": 60},
    }
    return json.dumps(attributes).encode()


class _Client(asyncio.Protocol):
    """Keeps one request on its way. Answers are short, so parsing looks for little."""

    serials = 0

    def __init__(self, load: _Load, template: bytes, batch: int) -> None:
        self.load, self.template, self.batch = load, template, batch
        self.expected = b'{"accepted":%d,"duplicates":0,"quarantined":[]}' % batch
        self.buffer = b""
        self.started = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        if self.load.ending or self.load.sent_total >= MOST_EVENTS:
            self.transport.close()
            return
        _Client.serials += 1
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
        request = self.template.replace(_SERIAL, b"%08x" % _Client.serials).replace(_TIME, moment)
        self.started = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.buffer.endswith(b"}"):
            return
        if not (self.buffer.startswith(b"HTTP/1.1 202") and self.buffer.endswith(self.expected)):
            self.done.set_exception(SystemExit(f"unexpected answer: {self.buffer[:600]!r}"))
            self.transport.close()
            return
        self.buffer = b""
        self.load.sent_total += self.batch
        if self.load.counting:
            self.load.latencies.append(time.perf_counter() - self.started)
            self.load.events += self.batch
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _drive(port: int, pids: tuple[int, int], seconds: float, connections: int, batch: int) -> _Load:
    load = _Load()
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        template = _template(batch, port)
        load.bytes_per_event = len(template) / batch
        client = _Client(load, template, batch)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
        clients.append(client)
    await asyncio.sleep(WARM_S)
    started, cpu, own = time.perf_counter(), [_cpu(pid) for pid in pids], time.process_time()
    load.counting = True
    await asyncio.wait([client.done for client in clients], timeout=seconds)
    load.counting = False
    load.seconds = time.perf_counter() - started
    load.server_cpu, load.database_cpu = (_cpu(pid) - before for pid, before in zip(pids, cpu, strict=True))
    load.own_cpu = time.process_time() - own
    load.ending = True
    await asyncio.gather(*(client.done for client in clients))
    return load


def _machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.release()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", choices=["batched", "single"])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int)
    parser.add_argument("--batch", type=int, default=1000)
    asked = parser.parse_args()
    if asked.scenario in (None, "batched"):
        print(json.dumps(batched(asked.seconds, asked.connections or 4, asked.batch)), flush=True)
    if asked.scenario in (None, "single"):
        print(json.dumps(single(asked.seconds, asked.connections or 64)), flush=True)


if __name__ == "__main__":
    main()
