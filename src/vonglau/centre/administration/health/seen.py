"""What the health page looks at: the board of the processes, the disks, what stopped, and when the city was last saved and checked."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache

from vonglau.core import damages
from vonglau.core.models import Checkpoint, DetectorStop
from vonglau.engines.history import folder as history_folder
from vonglau.kit import boards

SAMPLE_SECONDS = 5.0
"""A rate is taken over at least this long."""
RATE_KEY = "vonglau/health/events"


@dataclass(frozen=True, slots=True)
class Process:
    """One part of the installation, as it put itself on the board last. Ages in seconds."""

    name: str
    role: str
    host: str
    pid: int
    up: bool
    silent: float
    running: float
    restarts: int
    memory: int
    """Bytes, its share of what processes hold in common (PSS)."""
    version: str
    skew: float
    stands_by: bool


@dataclass(frozen=True, slots=True)
class Disk:
    """Where something of ours lies, and how much room is left. Bytes."""

    what: str
    """data | files | history"""
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Record:
    """When a backup or a check ran last."""

    age: float
    ok: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All of it at one moment."""

    processes: tuple[Process, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    """By name, or name and label's value: `vonglau_notices/failed`. Sums of what processes that are up say."""
    events_per_second: float | None = None
    disks: tuple[Disk, ...] = ()
    history_bytes: int = 0
    history_files: int = 0
    stops: tuple[tuple[str, str], ...] = ()
    """(detector, world) that stand still."""
    checkpoint_age: float | None = None
    damages: tuple[str, ...] = ()
    """Which files were found damaged, and are not looked into yet."""
    check: Record | None = None
    backup: Record | None = None

    def figure(self, name: str) -> float | None:
        return self.figures.get(name)


def look() -> Seen:
    """Now. Reads the board, a few rows and the folders' sizes: some milliseconds."""
    data, now = Path(settings.VONGLAU_DATA), time.time()
    bodies = boards.of(data).read()
    figures = _figures([body for body in bodies if now - body["at"] < boards.FRESH_SECONDS])
    sizes = [path.stat().st_size for path in history_folder(data).glob("*.parquet")]
    return Seen(
        processes=tuple(_processes(bodies, now)),
        figures=figures,
        events_per_second=_rate(figures.get("vonglau_events/accepted"), now),
        disks=tuple(_disks(data)),
        history_bytes=sum(sizes),
        history_files=len(sizes),
        stops=tuple(DetectorStop.objects.order_by("detector", "world").values_list("detector", "world")),
        checkpoint_age=_checkpoint_age(now),
        damages=tuple(sorted({note.of for note in damages.notes(data)})),
        check=_record(data, "check", now),
        backup=_record(data, "backup", now),
    )


def _processes(bodies: list[dict[str, Any]], now: float) -> Iterator[Process]:
    restarts: dict[tuple[str, str], int] = {}
    for body in bodies:
        for name, labels, value in body["values"]:
            if name == "vonglau_process_restarts":
                restarts[body.get("host", ""), labels["process"]] = int(value)
    for body in bodies:
        host, beats = str(body.get("host", "")), body["beats"]
        silent = max(0.0, now - body["at"])
        yield Process(
            name=body["process"],
            role=body["role"],
            host=host,
            pid=int(body["pid"]),
            up=silent < boards.FRESH_SECONDS,
            silent=silent,
            running=max(0.0, now - body.get("started", now)),
            restarts=restarts.get((host, body["process"].partition("@")[0]), 0),
            memory=int(body.get("memory", 0)),
            version=str(body.get("version", "")),
            skew=float(body["skew"]),
            stands_by="standby" in beats and "fold" not in beats,
        )


def _figures(bodies: list[dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for body in bodies:
        for name, labels, value in body["values"]:
            key = "/".join([name, *map(str, labels.values())])
            found[key] = found.get(key, 0.0) + float(value)
        for name, counts in body["spreads"].items():
            found[f"{name}/count"] = found.get(f"{name}/count", 0.0) + sum(counts[:-1])
            found[f"{name}/sum"] = found.get(f"{name}/sum", 0.0) + counts[-1]
    return found


def _rate(total: float | None, now: float) -> float | None:
    """Events a second since the sample before the last, which page views of any process leave in the cache."""
    if total is None:
        return None
    samples: list[tuple[float, float]] = [one for one in cache.get(RATE_KEY) or [] if one[0] <= now and one[1] <= total]
    if not samples or now - samples[-1][0] >= SAMPLE_SECONDS:
        samples = [*samples[-1:], (now, total)]
        cache.set(RATE_KEY, samples, 120)
    at, before = samples[0]
    return (total - before) / (now - at) if now - at >= SAMPLE_SECONDS else None


def _disks(data: Path) -> Iterator[Disk]:
    """Each disk once, under the first thing of ours that lies there."""
    seen: set[int] = set()
    for what, path in (("data", data), ("files", Path(settings.MEDIA_ROOT)), ("history", history_folder(data))):
        with suppress(OSError):
            device = path.stat().st_dev
            if device not in seen:
                seen.add(device)
                usage = shutil.disk_usage(path)
                yield Disk(what, usage.free, usage.total)


def _checkpoint_age(now: float) -> float | None:
    at = Checkpoint.objects.order_by("-n").values_list("at", flat=True).first()
    return None if at is None else max(0.0, now - at.timestamp())


def _record(data: Path, what: str, now: float) -> Record | None:
    """What `vonglau check` and `vonglau backup` leave in `run/`; None when they never ran here."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        body = json.loads((data / "run" / f"{what}.json").read_text(encoding="utf-8"))
        at = datetime.fromisoformat(body["at"])
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return Record(max(0.0, now - at.timestamp()), bool(body["ok"]), str(body["said"])[:300])
    return None
