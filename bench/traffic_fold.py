"""How fast the traffic detector folds: measurements a second, one process, one thread.

    python bench/traffic_fold.py                      # 10,000 sensors, a million measurements
    python bench/traffic_fold.py --events 200000

Batches of 5,000 rows as the log gives them, JSON bytes included: reading `data` counts, building the batches does
not. Each sensor speaks every 20 minutes in a shuffled order; a tick stands at each minute; one sensor in 200 has
a jam in the afternoon, so that alerts are made too.
"""

import argparse
import json
import time
from typing import Any

import numpy as np

from vonglau.core.detection import Detector
from vonglau.core.events import TICK_TYPE
from vonglau.core.log import Batch
from vonglau.services.traffic.payloads import EVENT_TYPE
from vonglau.services.traffic.rules import SensorSilence, TrafficAnomaly

BATCH = 5_000
MINUTE_US = 60_000_000
EVERY_US = 20 * MINUTE_US
"""Seldom enough that a million measurements of 10,000 sensors reach into the second day, when alerts are made."""
START_US = 1_788_422_400_000_000  # 2026-09-03 15:00 in Viet Nam


def batches(events: int, sensors: int, seed: int = 7) -> list[Batch]:
    """A city's measurements, in order of time."""
    random = np.random.default_rng(seed)
    usual = random.uniform(25.0, 60.0, sensors)
    jammed = np.arange(sensors) % 200 == 0
    rows: list[tuple[int, int, bytes]] = []
    turn = 0
    while len(rows) < events:
        start = START_US + turn * EVERY_US
        hour = (15 + turn / 3) % 24
        speed = usual * (1.0 - 0.35 * np.exp(-((hour - 17.5) ** 2) / 2)) * random.normal(1.0, 0.06, sensors)
        if turn >= 75 and 16 <= hour < 18:
            speed = np.where(jammed, speed * 0.3, speed)
        offsets = np.sort(random.integers(0, EVERY_US, sensors))
        order = random.permutation(sensors)
        rows += [
            (start + offset, sensor, b'{"quantity":"speed","value":%.1f,"unit":"km/h","period_s":300}' % value)
            for offset, sensor, value in zip(
                offsets.tolist(), order.tolist(), np.maximum(speed[order], 0).tolist(), strict=True
            )
        ]
        turn += 1
    return [_batch(rows[at : at + BATCH], at) for at in range(0, events, BATCH)]


def _batch(rows: list[tuple[int, int, bytes]], first: int) -> Batch:
    minutes = {at // MINUTE_US for at, _, _ in rows}
    timed = sorted(
        [(at, 1, sensor, data) for at, sensor, data in rows] + [(minute * MINUTE_US, 0, -1, b"") for minute in minutes]
    )
    count = len(timed)
    nowhere = np.full(count, np.nan)
    return Batch(
        pos=np.arange(first + 1, first + 1 + count),
        time=np.array([at for at, _, _, _ in timed], dtype=np.int64),
        world=["bench"] * count,
        source=[f"//sensors.example/{sensor % 40}" if real else "clock" for _, real, sensor, _ in timed],
        id=[str(first + number) for number in range(count)],
        type=[EVENT_TYPE if real else TICK_TYPE for _, real, _, _ in timed],
        subject=[f"sensor-{sensor}" if real else None for _, real, sensor, _ in timed],
        lon=nowhere,
        lat=nowhere,
        data=[data for _, _, _, data in timed],
        through=first + count,
    )


def run(events: int = 1_000_000, sensors: int = 10_000) -> dict[str, Any]:
    """Fold them all from an empty state. `events_per_s` by the wall, `cpu_us_per_event` by the process's own time."""
    folded = batches(events, sensors)
    anomaly = _time(TrafficAnomaly(), folded, events)
    silence = _time(SensorSilence(), folded, events)
    return {"events": events, "sensors": sensors, "batch": BATCH} | anomaly | {"silence": silence}


def _time(detector: Detector, folded: list[Batch], events: int) -> dict[str, Any]:
    state = detector.initial()
    alerts = 0
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in folded:
        state, drafts = detector.fold(state, batch)
        alerts += len(drafts)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    started = time.perf_counter()
    dumped = detector.dump(state)
    return {
        "events_per_s": round(events / wall),
        "cpu_us_per_event": round(cpu / events * 1e6, 2),
        "alert_drafts": alerts,
        "state_mb": round(len(dumped) / 1e6, 1),
        "dump_ms": round((time.perf_counter() - started) * 1e3),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sensors", type=int, default=10_000)
    asked = parser.parse_args()
    print(json.dumps(run(asked.events, asked.sensors)))
