"""What a process counts, written once a second to the data folder; the door shows all of them at /metrics.

Every figure is declared in `CATALOGUE` with its kind and meaning: docs and exposition come from there. A process that stops keeps
its last file; its age tells that it stopped.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of histograms, seconds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a metric is: counter, gauge or histogram; its labels; its meaning in a sentence."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()


CATALOGUE: dict[str, Figure] = {
    "vonglau_up": Figure("gauge", "1 while the process wrote its figures within the last ten seconds.", ("process",)),
    "vonglau_process_started_seconds": Figure("gauge", "When the process started, Unix time.", ("process",)),
    "vonglau_process_restarts": Figure(
        "counter", "How often the supervisor had to start a process again.", ("process",)
    ),
    "vonglau_process_memory_bytes": Figure("gauge", "Resident memory.", ("process",)),
    "vonglau_process_cpu_seconds": Figure("counter", "Processor time used, user and system.", ("process",)),
    "vonglau_events": Figure("counter", "Items the door answered: accepted, duplicates, quarantined.", ("outcome",)),
    "vonglau_door_requests": Figure("counter", "Requests to the door by status.", ("status",)),
    "vonglau_commit_seconds": Figure("histogram", "Time of one durable append to the log, all its items together."),
    "vonglau_queue_items": Figure("gauge", "Items that wait for the next commit."),
    "vonglau_log_head": Figure("gauge", "Last position of the log."),
    "vonglau_tail_rows": Figure("gauge", "Events not sealed to Parquet yet."),
    "vonglau_tail_age_seconds": Figure("gauge", "Age of the oldest event not sealed yet; 0 for an empty tail."),
    "vonglau_sealed_rows": Figure("counter", "Events sealed to Parquet by this process."),
    "vonglau_detector_lag_events": Figure("gauge", "Events between the log's head and the fold."),
    "vonglau_detector_lag_seconds": Figure("gauge", "Age of the oldest event not folded yet; 0 at the head."),
    "vonglau_detector_events": Figure("counter", "Events folded by this process."),
    "vonglau_detector_late": Figure("gauge", "Events that came later than the declared lateness: stored, not folded."),
    "vonglau_detector_broken": Figure("gauge", "Detectors that were stopped by an error of their own."),
    "vonglau_alerts": Figure("counter", "Alerts made or changed by this process."),
    "vonglau_stream_clients": Figure("gauge", "Open change streams."),
    "vonglau_stream_refused": Figure("counter", "Streams refused because the limit was reached."),
    "vonglau_stream_cut": Figure("counter", "Streams cut, by reason: slow, rights.", ("reason",)),
    "vonglau_stream_lag_seconds": Figure("histogram", "From a change's commit to its being handed to the streams."),
    "vonglau_notices": Figure("gauge", "Notices by state: pending, sending, failed.", ("state",)),
    "vonglau_publications_pending": Figure("gauge", "Events on their way from the state to the log."),
    "vonglau_publications_sent": Figure("counter", "Events published to the log by the worker."),
    "vonglau_proxied_requests": Figure(
        "counter", "Requests passed to the web processes, by status class.", ("status",)
    ),
    "vonglau_refused_requests": Figure(
        "counter",
        "Requests turned away at the gate: 429 too often, 403 from a network the token may not use.",
        ("status",),
    ),
    "vonglau_checkpoint": Figure("gauge", "Number of the last audit checkpoint."),
}

Labels = tuple[tuple[str, str], ...]


class Numbers:
    """The figures of one process. Threads may share it; a name that is not in the catalogue is a mistake at once."""

    def __init__(self, process: str, data: Path) -> None:
        self.process, self.path = process, data / "run" / f"{process}.json"
        self.started = time.time()
        self._values: dict[tuple[str, Labels], float] = {}
        self._spread: dict[str, list[float]] = {}
        self._ask: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self.beats: dict[str, float] = {}
        """Named signs of life: when each last happened, Unix time."""

    @staticmethod
    def _key(name: str, kind: str, labels: dict[str, str]) -> tuple[str, Labels]:
        figure = CATALOGUE[name]
        if figure.kind != kind or set(figure.labels) != set(labels):
            raise KeyError(f"{name} is a {figure.kind} with labels {figure.labels}")
        return name, tuple(sorted(labels.items()))

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        key = self._key(name, "counter", labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0) + amount

    def total(self, name: str, value: float, **labels: str) -> None:
        """Set a counter that is kept elsewhere."""
        self._values[self._key(name, "counter", labels)] = value

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._values[self._key(name, "gauge", labels)] = value

    def observe(self, name: str, seconds: float) -> None:
        self._key(name, "histogram", {})
        with self._lock:
            spread = self._spread.setdefault(name, [0.0] * (len(BUCKETS) + 2))
            spread[next((at for at, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))] += 1
            spread[-1] += seconds

    def spread(self, name: str, counts: list[float], total: float) -> None:
        """Set a histogram that is kept elsewhere: counts per bucket of `BUCKETS` and beyond, and the sum."""
        self._key(name, "histogram", {})
        self._spread[name] = [*counts, total]

    def beat(self, name: str) -> None:
        self.beats[name] = time.time()

    def on_write(self, ask: Callable[[], None]) -> None:
        """Called before every write, to set gauges that are asked rather than told."""
        self._ask.append(ask)

    def write(self) -> None:
        """Replace the file in one step, so that a reader never sees half of it."""
        for ask in self._ask:
            ask()
        with self._lock:
            values = [[name, dict(labels), value] for (name, labels), value in self._values.items()]
            spreads = {name: list(counts) for name, counts in self._spread.items()}
        body = {
            "process": self.process,
            "pid": os.getpid(),
            "at": time.time(),
            "started": self.started,
            "cpu": sum(os.times()[:2]),
            "memory": _memory(),
            "beats": self.beats,
            "values": values,
            "spreads": spreads,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(body), encoding="utf-8")
        fresh.replace(self.path)


def _memory() -> int:
    """Resident bytes, 0 where /proc does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def read(data: Path) -> list[dict[str, Any]]:
    """What every process wrote last, in order of its name. A half or foreign file is left out."""
    found = []
    for path in sorted((data / "run").glob("*.json")):
        with suppress(OSError, ValueError, KeyError):
            body = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(body, dict) and {"process", "at", "values", "spreads", "beats"} <= body.keys():
                found.append(body)
    return found


class _Files(Collector):
    def __init__(self, bodies: list[dict[str, Any]]) -> None:
        self.bodies = bodies

    def collect(self) -> Iterator[Metric]:
        now = time.time()
        for body in self.bodies:
            process = {"process": body["process"]}
            for name, value in (
                ("vonglau_up", float(now - body["at"] < 10)),
                ("vonglau_process_started_seconds", body.get("started", 0)),
                ("vonglau_process_memory_bytes", body.get("memory", 0)),
                ("vonglau_process_cpu_seconds", body.get("cpu", 0)),
            ):
                body["values"].append([name, process, value])
        for name, figure in CATALOGUE.items():
            yield from self._family(name, figure)

    def _family(self, name: str, figure: Figure) -> Iterator[Metric]:
        if figure.kind == "histogram":
            spreads = [body["spreads"][name] for body in self.bodies if name in body["spreads"]]
            if spreads:
                yield _histogram(name, figure, [sum(column) for column in zip(*spreads, strict=True)])
            return
        family = (CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily)(
            name, figure.help, labels=figure.labels
        )
        summed: dict[tuple[str, ...], float] = {}
        for body in self.bodies:
            for said, labels, value in body["values"]:
                if said == name:
                    key = tuple(labels[label] for label in figure.labels)
                    summed[key] = summed.get(key, 0) + value
        for key, value in summed.items():
            family.add_metric(list(key), value)
        if summed:
            yield family


def _histogram(name: str, figure: Figure, spread: list[float]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, figure.help)
    running, buckets = 0.0, []
    for bound, count in zip([*map(str, BUCKETS), "+Inf"], spread[:-1], strict=True):
        running += count
        buckets.append((bound, running))
    family.add_metric([], buckets, sum_value=spread[-1])
    return family


def exposition(data: Path) -> bytes:
    """All processes' figures as Prometheus text. The same figure of several processes is summed."""
    registry = CollectorRegistry()
    registry.register(_Files(read(data)))
    return generate_latest(registry)
