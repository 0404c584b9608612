"""The demonstration's drill: its world, its people, what it learnt from, and its day as it happens.

Everything comes through the front door: events are posted to the running server with a token of the drill; reports and staff go
through the same commands as people. Import it once Django is set up.
"""

import hashlib
import json
import os
import secrets
import subprocess
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.progress import Progress

from vonglau.core.alert_models import Cursor
from vonglau.core.calendars import calendar
from vonglau.core.errors import Unavailable
from vonglau.core.facts import agencies
from vonglau.core.people.directory import agency, load_agencies
from vonglau.core.people.models import ApiToken, User
from vonglau.core.seams import DemoCall, DemoEvent, DemoPlan, services
from vonglau.core.worlds import World, WorldKind, ensure_world, world
from vonglau.engines import open_reader
from vonglau.web import demo_staff

LOCALITY = "48"
WORLD = "da-nang-drill"
RATE = 60.0
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OPENS = clock_time(9, 5)
LEARN_DAYS = 8
"""Days the detectors learn from before the visitor's day: a working week and the weekend in it."""
REPORT_DAYS = 2
ACCOUNTS = "demo-accounts.json"


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    role: str
    name: str
    agency: str = ""


def today() -> date:
    return datetime.now(ZONE).date()


def opening(today: date) -> datetime:
    """Five past nine of today, or of the last day before on which offices work: the morning has begun, and deadlines move."""

    day = today
    while calendar().day_off(day) or not calendar().sessions(day):
        day -= timedelta(days=1)
    return datetime.combine(day, OPENS, ZONE).astimezone(UTC)


def people(data: Path, opens: datetime) -> tuple[str, list[tuple[Account, str]]]:
    """The drill's world, its accounts, and the token its events come with."""
    ensure_world(
        WORLD,
        WorldKind.DRILL,
        LOCALITY,
        "Diễn tập Đà Nẵng",
        "Đà Nẵng drill",
        clock_start=opens,
        clock_set_at=datetime.now(UTC),
        clock_rate=0.0,
    )
    facts = agencies("da_nang")
    load_agencies(facts)
    first = next(fact.code for fact in facts.agencies if "traffic_congestion" in fact.categories)
    made = []
    for account in (
        Account("truc.ban", "operator", "Trực ban"),
        Account("co.quan", "agency", "Cán bộ xử lý", first),
        Account("lanh.dao", "leader", "Lãnh đạo"),
        Account("truong.ca", "supervisor", "Trưởng ca"),
    ):
        password = "-".join(secrets.token_hex(2) for _ in range(3))
        of = agency(account.agency, opens.date()) if account.agency else None
        user = User(username=account.username, role=account.role, first_name=account.name, agency=of, demo=True)
        user.set_password(password)
        user.save()
        made.append((account, password))
    token = "vl_" + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        name="demo", digest=hashlib.sha256(token.encode()).hexdigest(), scopes=["events:write"], world=WORLD
    )
    kept = [{"username": a.username, "role": a.role, "name": a.name, "password": p} for a, p in made]
    path = data / ACCOUNTS
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    return token, made


class Poster:
    """Posts batches of CloudEvents over one kept connection, again after a pause when the door is busy."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self.host, self.port, self.token = host, port, token
        self.connection = HTTPConnection(host, port, timeout=30)

    def post(self, events: list[dict[str, object]]) -> None:
        body = json.dumps([{**event, "exercise": WORLD} for event in events]).encode()
        headers = {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {self.token}"}
        for attempt in range(20):
            try:
                self.connection.request("POST", "/api/events", body, headers)
                answer = self.connection.getresponse()
                said = answer.read()
            except (OSError, HTTPException):
                self.connection.close()
                self.connection = HTTPConnection(self.host, self.port, timeout=30)
            else:
                if answer.status == 202:
                    return
                if answer.status not in (429, 502, 503, 507):
                    raise Unavailable(f"The door answered {answer.status}: {said[:300]!r}")
            time.sleep(0.2 * (attempt + 1))
        raise Unavailable("The door did not take the demo's events.")


def _items(start: datetime, end: datetime, *, calm: bool = False) -> list[DemoEvent | DemoCall]:
    """What all services invent for this stretch, in order of time."""
    plan = DemoPlan(locality=LOCALITY, start=start, end=end, seed=int(start.timestamp()) // 86_400, calm=calm)
    items = [item for service in services() if service.demo for item in service.demo(plan)]
    return sorted(items, key=lambda item: item.at)


def learn(host: str, port: int, token: str, opens: datetime, bar: Progress) -> None:
    """Calm days for the detectors to learn from, and yesterday with its troubles."""
    poster = Poster(host, port, token)
    yesterday = opens - timedelta(days=1)
    items = _items(opens - timedelta(days=LEARN_DAYS), yesterday, calm=True) + _items(yesterday, opens)
    events = [dict(item.event) for item in items if isinstance(item, DemoEvent)]
    task = bar.add_task("Học nhịp thường ngày của thành phố", total=len(events))
    for first in range(0, len(events), 2_000):
        poster.post(events[first : first + 2_000])
        bar.update(task, completed=min(len(events), first + 2_000))
    _wait_folded()


def _wait_folded() -> None:
    """Until the worker has folded and saved what was posted: yesterday's alerts are then incidents."""
    reader = open_reader(Path(os.environ["VONGLAU_DATA"]))
    for _try in range(300):
        head = reader.head()
        reached = Cursor.objects.filter(reader__startswith="detector/").order_by("position").first()
        if reached is not None and reached.position >= head:
            return
        time.sleep(0.1)


def past(opens: datetime, bar: Progress) -> None:
    """The last days' reports, and the work of the staff on everything up to the opening."""
    calls = [item for item in _items(opens - timedelta(days=REPORT_DAYS), opens) if isinstance(item, DemoCall)]
    task = bar.add_task("Những ngày vừa qua", total=len(calls) + 1)
    for call in calls:
        call.act(WORLD)
        bar.advance(task)
    demo_staff.work(WORLD, opens - timedelta(hours=10), everything=True, limit=2_000)
    demo_staff.work(WORLD, opens, limit=2_000)
    bar.advance(task)


def start_clock(opens: datetime) -> None:
    World.objects.filter(pk=WORLD).update(clock_start=opens, clock_set_at=datetime.now(UTC), clock_rate=RATE)


def live(host: str, port: int, token: str, opens: datetime, server: "subprocess.Popen[bytes]") -> None:
    """The day as it happens, five times a second; when it ends the next one begins."""
    poster, day, staff_at = Poster(host, port, token), opens, 0.0
    pending: deque[DemoEvent | DemoCall] = deque()
    while server.poll() is None:
        now = world(WORLD).now()
        if not pending or pending[-1].at <= now:
            pending.extend(_items(day, day + timedelta(days=1)))
            day += timedelta(days=1)
        due = []
        while pending and pending[0].at <= now:
            due.append(pending.popleft())
        if events := [dict(item.event) for item in due if isinstance(item, DemoEvent)]:
            poster.post(events)
        for item in due:
            if isinstance(item, DemoCall):
                item.act(WORLD)
        if time.monotonic() - staff_at > 2.0:
            demo_staff.work(WORLD, now)
            staff_at = time.monotonic()
        time.sleep(0.2)
    raise Unavailable("The server has stopped.")
