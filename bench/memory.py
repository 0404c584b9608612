"""How much memory a whole installation needs: every process of `vonglau serve`, idle and under load.

    vonglau bench memory                    # 2,000 events/s for 60 s, 5,000 sensors
    vonglau bench memory seconds=600 rate=2000

What is counted is PSS, the proportional share: a page that several processes hold counts once in the sum. It comes from
/proc/PID/smaps_rollup, so this one runs on Linux only. Page cache is not counted: the system takes it back when it needs it.
"""

import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.stream import Link, cli, event, post, server

WARM_SECONDS = 10.0
PAGES = ("/accounts/login/", "/open311/v2/services.json", "/api/openapi.json")
TURN = 0.1
"""Seconds between two batches."""


def run(seconds: float = 60.0, rate: int = 2000, sensors: int = 5000, web: int = 1) -> dict[str, Any]:
    """Megabytes (2^20) of the installation: after a start and some pages, and the most seen under load."""
    with tempfile.TemporaryDirectory(prefix="vonglau-bench-") as folder:
        data = Path(folder) / "data"
        cli("init", "--data", str(data), "--locality", "48")
        token = cli("token", "create", "bench", "--scope", "events:write,read", "--data", str(data))
        with server(data, "--web", str(web)) as (url, pid):
            link = Link(url)
            for path in PAGES:
                link.call("GET", path)
            time.sleep(WARM_SECONDS)
            idle = parts(pid)
            loaded, sent = _under_load(link, token, pid, seconds, rate, sensors)
    return {
        "name": "memory",
        "idle_mb": round(sum(idle.values())),
        "loaded_mb": round(sum(loaded.values())),
        "idle": {name: round(mb) for name, mb in idle.items()},
        "loaded": {name: round(mb) for name, mb in loaded.items()},
        "events_per_s": round(sent / seconds),
        "sensors": sensors,
        "seconds": seconds,
    }


def _under_load(
    link: Link, token: str, pid: int, seconds: float, rate: int, sensors: int
) -> tuple[dict[str, float], int]:
    """The fullest moment while `rate` events a second come in, and how many came."""
    most: dict[str, float] = {}
    began, sent, looked = time.monotonic(), 0, 0.0
    while (now := time.monotonic() - began) < seconds:
        when = datetime.now(UTC)
        batch = [
            event(f"m-{sent + n}", (sent + n) % sensors, when, random.gauss(30, 2)) for n in range(int(rate * TURN))
        ]
        post(link, token, batch)
        sent += len(batch)
        if now - looked >= 1:
            looked, found = now, parts(pid)
            most = max(most, found, key=lambda one: sum(one.values()))
        time.sleep(max(0.0, sent / rate - (time.monotonic() - began)))
    return most, sent


def parts(supervisor: int) -> dict[str, float]:
    """PSS in MB of every process of the installation by its name."""
    found = {"supervisor": pss(supervisor)}
    for task in Path(f"/proc/{supervisor}/task").glob("*/children"):
        for pid in map(int, task.read_text().split()):
            words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
            name = words[words.index("--name") + 1] if "--name" in words else f"process {pid}"
            found[name] = pss(pid)
    return found


def pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
