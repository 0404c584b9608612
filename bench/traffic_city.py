"""What the traffic detector says in the demonstration's invented city, where the truth is known: false alarms, jams found.

    python bench/traffic_city.py                      # three beginnings, two weeks each

Per beginning (a Saturday, a Monday, a Thursday): two weeks in which nothing happens; two weeks with jams from the first hour
on; and, after nine calm days, an hour's slowdown at every sensor. An invented city proves little about real roads
(docs/reference/nab.md does); it shows what a new installation hears, and when.
"""

import argparse
import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from vonglau.core.detection import AlertDraft
from vonglau.core.events import from_us, to_us
from vonglau.core.log import Batch
from vonglau.core.seams import DemoEvent, DemoPlan
from vonglau.services.traffic import demo
from vonglau.services.traffic.payloads import EVENT_TYPE
from vonglau.services.traffic.rules import TrafficAnomaly

LOCALITY = "48"
BEGINNINGS = {"Saturday": 7, "Monday": 9, "Thursday": 12}
"""Days of November 2026."""
DAY = timedelta(days=1)
LEARN = 9
SLOWER = (0.2, 0.3, 0.4)


def midnight(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")).astimezone(UTC)


def plan(start: datetime, days: float, *, calm: bool) -> DemoPlan:
    return DemoPlan(locality=LOCALITY, start=start, end=start + days * DAY, seed=start.toordinal(), calm=calm)


def batch(events: Iterable[DemoEvent]) -> Batch:
    """The demo's events as one run of the log."""
    rows = [one.event for one in events]
    count = len(rows)
    nowhere = np.full(count, np.nan)
    return Batch(
        pos=np.arange(1, count + 1),
        time=np.array([to_us(datetime.fromisoformat(str(row["time"])).astimezone(UTC)) for row in rows]),
        world=["bench"] * count,
        source=[str(row["source"]) for row in rows],
        id=[str(row["id"]) for row in rows],
        type=[EVENT_TYPE] * count,
        subject=[str(row["subject"]) for row in rows],
        lon=nowhere,
        lat=nowhere,
        data=[msgspec.json.encode(row["data"]) for row in rows],
        through=count,
    )


def alerts(days: Sequence[Iterable[DemoEvent]]) -> list[AlertDraft]:
    """The last word on each alert after these days."""
    detector = TrafficAnomaly()
    state = detector.initial()
    words: dict[str, AlertDraft] = {}
    for events in days:
        state, said = detector.fold(state, batch(events))
        words |= {draft.identity: draft for draft in said}
    return list(words.values())


def about(alert: AlertDraft, jam: demo.Trouble) -> bool:
    """The alert is open while the jam lasts, or the ten minutes after."""
    until = jam.end + timedelta(minutes=10)
    ended = from_us(alert.ended_us) if alert.ended_us is not None else until
    return alert.subject == jam.site and from_us(alert.onset_us) < until and jam.start < ended


def jammed(start: datetime, days: int) -> dict[str, Any]:
    """Jams from the first hour on: how many are found on each day of the installation, and what was said besides."""
    plans = [plan(start + number * DAY, 1, calm=False) for number in range(days)]
    jams = [one for today in plans for one in demo.troubles(today, demo.sites(LOCALITY)) if one.share > 0]
    said = alerts([demo.day(today) for today in plans])
    by_day = [[jam for jam in jams if (jam.start - start).days == number] for number in range(days)]
    found = [sum(any(about(alert, jam) for alert in said) for jam in day) for day in by_day]
    false = [alert.kind for alert in said if not any(about(alert, jam) for jam in jams)]
    return {
        "found_by_day": [f"{here}/{len(day)}" for here, day in zip(found, by_day, strict=True)],
        "second_week": round(sum(found[7:]) / max(1, sum(map(len, by_day[7:]))), 3),
        "false": {kind: false.count(kind) for kind in sorted(set(false))},
    }


def slowed(start: datetime, share: float) -> str:
    """After calm days, an hour at which each road loses this share of its speed, at an hour of its own in daylight."""
    today = plan(start + LEARN * DAY, 1, calm=True)
    places = [site for site in demo.sites(LOCALITY) if site.quantity != "flow"]
    chance = random.Random(1)
    jams = []
    for site in places:
        begins = today.start + timedelta(hours=chance.uniform(6, 21))
        jams.append(demo.Trouble(site.id, begins, begins + timedelta(hours=1), share))
    said = alerts([demo.day(plan(start, LEARN, calm=True)), with_jams(today, jams)])
    return f"{sum(any(about(alert, jam) for alert in said) for jam in jams)}/{len(jams)}"


def with_jams(today: DemoPlan, jams: Sequence[demo.Trouble]) -> Iterable[DemoEvent]:
    """A calm day of the demo, with these slowdowns instead of its own."""
    rng = random.Random(today.seed + 1)
    slower = {jam.site: jam for jam in jams}
    places = {site.id: site for site in demo.sites(LOCALITY)}
    for one in demo.day(today):
        jam, site = slower.get(str(one.event["subject"])), places[str(one.event["subject"])]
        if jam is not None and jam.start <= one.at < jam.end:
            value = demo.measured(site, one.at.astimezone(demo.ZONE), jam.share, rng)
            yield DemoEvent(
                at=one.at, event={**one.event, "data": {"quantity": site.quantity, "value": round(value, 2)}}
            )
        else:
            yield one


def run(days: int = 14) -> dict[str, Any]:
    """Counts by beginning. `calm_alerts` should be nothing."""
    sensors = len(demo.sites(LOCALITY))
    found: dict[str, Any] = {"sensors": sensors, "days": days}
    for name, day in BEGINNINGS.items():
        start = midnight(day)
        found[name] = {
            "calm_alerts": len(alerts([demo.day(plan(start, days, calm=True))])),
            "jams": jammed(start, days),
            f"slowdown_after_{LEARN}_days": {f"{share:.0%}": slowed(start, share) for share in SLOWER},
        }
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=14)
    print(json.dumps(run(parser.parse_args().days), ensure_ascii=False, indent=2))
