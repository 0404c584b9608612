"""All processes' figures as Prometheus text: what `/metrics` answers. Apart from `metrics.py`, which every process loads."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from vonglau.kit import boards
from vonglau.kit.metrics import BUCKETS, CATALOGUE, Figure


class _Written(Collector):
    def __init__(self, bodies: list[dict[str, Any]]) -> None:
        self.bodies = bodies

    def collect(self) -> Iterator[Metric]:
        now = time.time()
        for body in self.bodies:
            process = {"process": body["process"]}
            for name, value in (
                ("vonglau_up", float(now - body["at"] < boards.FRESH_SECONDS)),
                ("vonglau_process_started_seconds", body.get("started", 0)),
                ("vonglau_process_memory_bytes", body.get("memory", 0)),
                ("vonglau_process_cpu_seconds", body.get("cpu", 0)),
                ("vonglau_clock_skew_seconds", body.get("skew", 0.0)),
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
    registry.register(_Written(boards.of(data).read()))
    return generate_latest(registry)
