"""A believable day of traffic: what invented sensors on real streets would have measured. Repeatable by its seed."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from vonglau.core.facts import data_path, read_csv
from vonglau.core.seams import DemoEvent, DemoPlan
from vonglau.services.traffic.payloads import EVENT_TYPE

EVERY = timedelta(minutes=5)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FILES = {"48": "da_nang_sensors.csv"}
UNITS = {"speed": "km/h", "occupancy": "%", "travel_time": "s", "flow": "veh/h"}


@dataclass(frozen=True, slots=True)
class Site:
    id: str
    name: str
    lon: float
    lat: float
    quantity: str
    free: float
    """The value at free flow, in the quantity's unit."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something happens at a site: a jam that takes `share` of the speed, or the sensor falls silent (share 0)."""

    site: str
    start: datetime
    end: datetime
    share: float


def sites(locality: str) -> list[Site]:
    if locality not in FILES:
        return []
    path = data_path("demo", FILES[locality])
    columns = ("id", "name_vi", "lon", "lat", "quantity", "free_flow")
    return [
        Site(row["id"], row["name_vi"], float(row["lon"]), float(row["lat"]), row["quantity"], float(row["free_flow"]))
        for _line, row in read_csv(path, *columns)
    ]


def load(local: datetime) -> float:
    """How busy the streets are, 0 to 1: two peaks on working days, one flat hump at weekends."""
    hour = local.hour + local.minute / 60
    if local.weekday() >= 5:
        return 0.12 + 0.45 * math.exp(-(((hour - 17.5) / 4.5) ** 2)) + 0.15 * math.exp(-(((hour - 10) / 2.5) ** 2))
    morning = 0.75 * math.exp(-(((hour - 7.4) / 1.1) ** 2))
    evening = 0.85 * math.exp(-(((hour - 17.3) / 1.4) ** 2))
    return 0.10 + morning + evening + 0.30 * math.exp(-(((hour - 12.5) / 4.0) ** 2))


def measured(site: Site, local: datetime, slower: float, rng: random.Random) -> float:
    """One value: free flow, less what the load and the trouble take, with the noise of a real detector."""
    busy = min(1.0, load(local) * (0.85 + 0.3 * (hash_of(site.id) % 100) / 100))
    speed = (1.0 - 0.45 * busy) * (1.0 - slower) * max(0.2, rng.gauss(1.0, 0.045))
    if site.quantity == "speed":
        return site.free * speed
    if site.quantity == "travel_time":
        return site.free / max(0.08, speed)
    if site.quantity == "occupancy":
        return min(95.0, site.free * (1.0 + 5.0 * busy) * (1.0 + 4.0 * slower) * max(0.3, rng.gauss(1.0, 0.08)))
    return max(0.0, site.free * (0.08 + 0.92 * busy) * (1.0 - 0.5 * slower) * max(0.3, rng.gauss(1.0, 0.07)))


def hash_of(text: str) -> int:
    """Stable across processes, unlike hash()."""
    return sum((index + 1) * byte for index, byte in enumerate(text.encode()))


def troubles(plan: DemoPlan, places: list[Site]) -> list[Trouble]:
    """Two jams on every two hours of daylight at neighbouring sites, and a sensor that stops for some hours."""
    rng = random.Random(plan.seed)
    jams: list[Trouble] = []
    slow = [site for site in places if site.quantity in ("speed", "travel_time", "occupancy")]
    if not slow:
        return jams
    at = plan.start + timedelta(minutes=20)
    while at < plan.end:
        hour = at.astimezone(ZONE).hour
        if 6 <= hour <= 21:
            centre = rng.choice(slow)
            lasts = timedelta(minutes=rng.randint(35, 80))
            near = sorted(slow, key=lambda site: (site.lon - centre.lon) ** 2 + (site.lat - centre.lat) ** 2)[:2]
            for behind, site in enumerate(near):
                delay = timedelta(minutes=5 * behind)
                jams.append(Trouble(site.id, at + delay, at + lasts + delay, rng.uniform(0.45, 0.75)))
        at += timedelta(minutes=rng.randint(50, 95))
    quiet = rng.choice(places)
    jams.append(Trouble(quiet.id, plan.start + timedelta(minutes=35), plan.start + timedelta(hours=5), 0.0))
    return jams


def day(plan: DemoPlan) -> Iterator[DemoEvent]:
    """Every site every five minutes, in order of time; with its troubles unless the day is to be calm."""
    places = sites(plan.locality)
    happening = [] if plan.calm else troubles(plan, places)
    rng = random.Random(plan.seed + 1)
    at = plan.start
    while at < plan.end:
        local = at.astimezone(ZONE)
        for number, site in enumerate(places):
            here = [one for one in happening if one.site == site.id and one.start <= at < one.end]
            if any(one.share == 0.0 for one in here):
                continue
            slower = max((one.share for one in here), default=0.0)
            yield DemoEvent(
                at=at, event=_event(site, at + timedelta(seconds=number), measured(site, local, slower, rng))
            )
        at += EVERY


def _event(site: Site, at: datetime, value: float) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"{site.id}-{int(at.timestamp())}",
        "source": "/demo/traffic",
        "type": EVENT_TYPE,
        "subject": site.id,
        "time": at.isoformat(),
        "lon": site.lon,
        "lat": site.lat,
        "data": {
            "quantity": site.quantity,
            "value": round(value, 2),
            "unit": UNITS[site.quantity],
            "period_s": int(EVERY.total_seconds()),
            "name": site.name,
        },
    }
