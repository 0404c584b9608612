"""Batches of measurements, and which of them a log holds."""

from collections import Counter
from pathlib import Path
from typing import Any

from tests.serving import Serving
from vonglau.engines import open_reader

SOURCE = "/fault"
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def batch(ids: list[str], time: str = "2026-11-20T00:00:00Z") -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0",
            "id": id,
            "source": SOURCE,
            "type": "vn.vonglau.traffic.measured",
            "subject": f"s{number}",
            "time": time,
            "data": {"quantity": "speed", "value": 40 + number % 40},
        }
        for number, id in enumerate(ids)
    ]


def post(server: Serving, key: str, events: list[dict[str, Any]]) -> tuple[int, dict[str, str], Any]:
    return server.request("POST", "/api/events", events, key, BATCH)


def stored(data: Path) -> Counter[str]:
    """How often each id of our source is in the log."""
    found: Counter[str] = Counter()
    reader, after = open_reader(data), 0
    while len(read := reader.batch(after, 50_000)):
        found.update(id for id, source in zip(read.id, read.source, strict=True) if source == SOURCE)
        after = read.through
    reader.close()
    return found


def log_of(data: Path) -> str:
    """What the server of this folder has said so far (`tests.serving` keeps it beside the folder)."""
    return (data.parent / f"{data.name}.log").read_text(encoding="utf-8", errors="replace")
