"""A believable day of reports, out of `data/demo`: invented people about real streets."""

import random
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from vonglau.core.facts import data_path, read_csv
from vonglau.core.people.policy import Actor
from vonglau.core.seams import DemoCall, DemoEvent, DemoPlan
from vonglau.services.field_reports import intake

FILES = {"48": "da_nang_reports.csv"}
COLUMNS = ("id", "time", "category", "lon", "lat", "place", "words")
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CITIZEN = Actor("demo.nguoi-dan", "reporter")
SHARE = 0.8
"""Of the invented reports that come in on one day: no day is like another."""
JITTER = 7
"""Minutes earlier or later."""


def day(plan: DemoPlan) -> Iterable[DemoEvent | DemoCall]:
    """Reports between the plan's moments, in order; the same plan gives the same ones. A calm day has none."""
    if plan.calm or plan.locality not in FILES:
        return ()
    rows = [row for _line, row in read_csv(data_path("demo", FILES[plan.locality]), *COLUMNS)]
    first, last = plan.start.astimezone(ZONE).date(), plan.end.astimezone(ZONE).date()
    calls = [
        call
        for ordinal in range(first.toordinal(), last.toordinal() + 1)
        for call in _calls(rows, date.fromordinal(ordinal))
        if plan.start <= call.at < plan.end
    ]
    return sorted(calls, key=lambda call: call.at)


def _calls(rows: list[dict[str, str]], on: date) -> Iterator[DemoCall]:
    rng = random.Random(on.toordinal())
    for row in rows:
        comes, minutes = rng.random() < SHARE, rng.randint(-JITTER, JITTER)
        if comes:
            at = datetime.combine(on, time.fromisoformat(row["time"]), ZONE) + timedelta(minutes=minutes)
            yield DemoCall(at=at, act=partial(_send, row=row, at=at))


def _send(world: str, *, row: dict[str, str], at: datetime) -> None:
    """As a citizen would, through the same door as any channel; sent twice it is kept once."""
    submission = intake.Submission(
        world=world,
        category=row["category"],
        lon=float(row["lon"]),
        lat=float(row["lat"]),
        personal=intake.Personal(description=row["words"], address=row["place"]),
        source="demo",
        sent_by=CITIZEN.name,
        external_id=f"{row['id']}/{at.date().isoformat()}",
        at=at,
    )
    intake.receive(submission, CITIZEN)
