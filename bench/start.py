"""How soon an installation with a long log serves: from `vonglau serve` to every part answering, and back after kill -9.

    vonglau bench start                     # 5,000,000 events stored, a million of them in the tail
    vonglau bench start events=200000 tail=100000

The log is filled through the same writer as the door's (and sealed as it seals), the folds are put at its end as after a steady day, and
the time is taken from before the command is started until /readyz says that door, web and worker answer.
"""

import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.stream import CLI, Link, cli
from vonglau.core.errors import Unavailable
from vonglau.core.events import LIVE, Event, to_us

BATCH = 5000
SENSORS = 2000
PORT = 18_439
LOOK_SECONDS = 0.01


def run(events: int = 5_000_000, tail: int = 1_000_000, runs: int = 3, keep: str = "") -> dict[str, Any]:
    """Seconds until ready, median of `runs`. `keep`: a folder to fill once and use again."""
    folder = Path(keep) if keep else Path(tempfile.mkdtemp(prefix="vonglau-bench-"))
    try:
        data = folder / "data"
        if not (data / "state.db").exists():
            cli("init", "--data", str(data), "--locality", "48")
            fill(data, events, tail)
            cli("check", "--list", "--data", str(data))
        starts, back = [], []
        for _ in range(runs):
            started, recovered = _once(data)
            starts.append(started)
            back.append(recovered)
        return {
            "name": "start",
            "start_s": round(statistics.median(starts), 2),
            "recovery_s": round(statistics.median(back), 2),
            "starts_s": [round(one, 2) for one in starts],
            "recoveries_s": [round(one, 2) for one in back],
            "events": events,
            "tail": tail,
        }
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def fill(data: Path, events: int, tail: int) -> None:
    """Events of a city's sensors, one a second each, and the detectors' cursors at their end."""
    from vonglau.engines.embedded import open_writer

    log, start = open_writer(data), datetime.now(UTC) - timedelta(seconds=events / SENSORS)
    try:
        for first in range(0, events, BATCH):
            log.append([_event(n, start) for n in range(first, min(first + BATCH, events))])
            if len(log.tail) >= 2 * tail:
                log.seal(keep=tail, through=log.head())
        log.seal(keep=tail, through=log.head())
        head = log.head()
    finally:
        log.close()
    _folded(data, head)


def _event(n: int, start: datetime) -> Event:
    when = to_us(start + timedelta(seconds=n / SENSORS))
    return Event(
        world=LIVE,
        id=f"s-{n}",
        source=f"/bench/{n % SENSORS}",
        type="bench.reading",
        time_us=when,
        data=b'{"value":30.5}',
    )


def _folded(data: Path, head: int) -> None:
    """As after a steady day: every detector has folded all there is. In a process of its own, which Django is set up in once."""
    code = (
        "import sys; from pathlib import Path; from vonglau.web.commands.base import configure; configure(Path(sys.argv[1]));"
        "from vonglau.core import seams; from vonglau.core.models import Cursor; from vonglau.core.runner import reader_of;"
        "[Cursor.objects.update_or_create(pk=reader_of(d), defaults={'position': int(sys.argv[2])}) for _s, d in seams.detectors()]"
    )
    subprocess.run([CLI[0], "-c", f"import vonglau; {code}", str(data), str(head)], check=True)


def _once(data: Path) -> tuple[float, float]:
    """(start, recovery after kill -9 of everything but the supervisor), seconds."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*CLI, "serve", "--data", str(data), "--port", str(PORT)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(process)
        started = time.perf_counter() - began
        time.sleep(3)
        began = time.perf_counter()
        for task in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for pid in task.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.2)
        _wait(process)
        return started, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            raise Unavailable(f"The server ended with {process.returncode}: is port {PORT} free?")
        try:
            if Link(f"http://127.0.0.1:{PORT}").call("GET", "/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(LOOK_SECONDS)
    raise Unavailable("The server was not ready within two minutes.")
