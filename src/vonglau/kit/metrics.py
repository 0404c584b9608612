"""What a process counts, put on the installation's board once a second (`kit/boards.py`); the door shows all of it at /metrics.

Every figure is declared in `CATALOGUE` with its kind and meaning: docs and exposition come from there. A process that stops keeps
what it put last; its age tells that it stopped.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vonglau import __version__
from vonglau.kit import boards

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of histograms, seconds."""
MEMORY_SECONDS = 10.0


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
    "vonglau_process_memory_bytes": Figure(
        "gauge",
        "Memory; of pages that several processes hold, its share (PSS): the sum is the installation's.",
        ("process",),
    ),
    "vonglau_process_cpu_seconds": Figure("counter", "Processor time used, user and system.", ("process",)),
    "vonglau_clock_skew_seconds": Figure(
        "gauge",
        "How far the clock of the process's host is ahead of the state database's; 0 on one machine.",
        ("process",),
    ),
    "vonglau_events": Figure("counter", "Items the door answered: accepted, duplicates, quarantined.", ("outcome",)),
    "vonglau_door_requests": Figure("counter", "Requests to the door by status.", ("status",)),
    "vonglau_commit_seconds": Figure("histogram", "Time of one durable append to the log, all its items together."),
    "vonglau_commit_recent_seconds": Figure(
        "gauge",
        "Mean of the last appends, or the one under way when that takes longer: how slow the log's disk is now.",
    ),
    "vonglau_queue_items": Figure("gauge", "Items that wait for the next commit."),
    "vonglau_log_head": Figure("gauge", "Last position of the log."),
    "vonglau_tail_rows": Figure("gauge", "Events not sealed to Parquet yet."),
    "vonglau_tail_age_seconds": Figure("gauge", "Age of the oldest event not sealed yet; 0 for an empty tail."),
    "vonglau_sealed_rows": Figure("counter", "Events sealed to Parquet by this process."),
    "vonglau_detector_lag_events": Figure("gauge", "Events between the log's head and the fold."),
    "vonglau_detector_lag_seconds": Figure("gauge", "Age of the oldest event not folded yet; 0 at the head."),
    "vonglau_detector_events": Figure("counter", "Events folded by this process."),
    "vonglau_detector_late": Figure("gauge", "Events that came later than the declared lateness: stored, not folded."),
    "vonglau_detector_broken": Figure("gauge", "Detectors that stand still in a world because they failed there."),
    "vonglau_detector_skipped": Figure("gauge", "Events that people let a detector pass over."),
    "vonglau_alerts": Figure("counter", "Alerts made or changed by this process."),
    "vonglau_stream_clients": Figure("gauge", "Open change streams."),
    "vonglau_stream_refused": Figure("counter", "Streams refused because the limit was reached."),
    "vonglau_stream_cut": Figure(
        "counter", "Streams cut, by reason: slow, rights, away (the state does not answer).", ("reason",)
    ),
    "vonglau_stream_lag_seconds": Figure("histogram", "From a change's commit to its being handed to the streams."),
    "vonglau_notices": Figure("gauge", "Notices by state: pending, sending, failed.", ("state",)),
    "vonglau_notices_sent": Figure("counter", "Sends of this process that came back: delivered, failed.", ("outcome",)),
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
    """The figures of one process, named after its role, and a number where there are several.

    Threads may share it; a name that is not in the catalogue is a mistake at once."""

    def __init__(self, process: str, data: Path, board: boards.Board | None = None) -> None:
        """`board`: where they are put, when it is not to be asked of Django."""
        self.process, self.data, self._board = process, data, board
        self.host = os.environ.get("VONGLAU_HOST_NAME") or socket.gethostname()
        self._memory = _Memory()
        self.started = time.time()
        self._values: dict[tuple[str, Labels], float] = {}
        self._spread: dict[str, list[float]] = {}
        self._ask: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self.beats: dict[str, float] = {}
        """Named signs of life: when each last happened, Unix time."""

    @cached_property
    def board(self) -> boards.Board:
        return self._board or boards.of(self.data)

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
        for ask in self._ask:
            ask()
        with self._lock:
            values = [[name, dict(labels), value] for (name, labels), value in self._values.items()]
            spreads = {name: list(counts) for name, counts in self._spread.items()}
        self.board.put(
            {
                "process": self.process,
                "role": self.process.rstrip("0123456789"),
                "host": self.host,
                "version": __version__,
                "pid": os.getpid(),
                "at": time.time(),
                "started": self.started,
                "cpu": sum(os.times()[:2]),
                "memory": self._memory.now(),
                "beats": self.beats,
                "values": values,
                "spreads": spreads,
            }
        )

    def forget(self, processes: Iterable[str]) -> None:
        """Take what these processes of this host put last off the board, before they are started anew."""
        self.board.forget(processes, self.host)


class _Memory:
    """This process's share of memory, bytes. The kernel walks all pages to tell it: asked every ten seconds."""

    def __init__(self) -> None:
        self._bytes, self._asked = 0, 0.0

    def now(self) -> int:
        if time.monotonic() - self._asked >= MEMORY_SECONDS or not self._bytes:
            self._asked = time.monotonic()
            with suppress(OSError, ValueError, StopIteration):
                lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
                self._bytes = int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024
        return self._bytes
