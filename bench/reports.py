"""A city's field reports as they grow: sending one, a box of the map, the desk's list. Processor time of a request, and how long it takes.

    vonglau bench reports                                     # 10,000, 100,000 and 1,000,000 reports, both engines
    vonglau bench reports --rows 10000 --engine sqlite        # one size, one engine

Filling takes most of the time and grows with the rows (its seconds are told); each size of each engine can be measured by itself.
A table goes to stderr, all figures come back as JSON.

Rows are put into the state in bulk, a report a minute until now; a real, durable server then answers one request at a time over one
connection. Processor time is of the processes that answer (`web_ms`; with PostgreSQL also `database_ms`) and of all others that the
request gave work to (`all_ms`: the worker publishes it, folds it and tells who follows), from /proc, over all requests of a kind.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.ingest import _cpu as tree_seconds
from bench.ingest import _machine
from bench.stores import ENGINES, Store, store
from bench.stream import PASSWORD, Link, cli, cpu, server, sign_in

SIZES = (10_000, 100_000, 1_000_000)
AT_ONCE = 5_000
WEST, SOUTH, EAST, NORTH = 108.15, 15.99, 108.25, 16.09
"""Over Đà Nẵng; some of it is sea."""
STEP = timedelta(minutes=1)
OPEN_SHARE = 0.02
AGENCIES = 20
BOX = 0.01
"""Degrees: about 1.1 km, a map on a phone."""
WORDS = (
    "Đèn đường trước nhà không sáng từ tối thứ hai, đường rất tối.",
    "Ổ gà lớn giữa làn xe máy, hôm qua đã có người ngã.",
    "Rác chưa thu gom hai ngày nay, mùi rất khó chịu. Gọi 0905 123 456.",
    "Cống bị nghẹt, mưa là nước tràn lên vỉa hè.",
    "Cây gãy chắn lối đi trước cổng trường.",
)
LISTS = {
    "list, open": "/desk/?kind=field_report",
    "list, ended": "/desk/?kind=field_report&tab=ended",
    "list, all": "/desk/?kind=field_report&tab=all",
    "list, one ward": "/desk/?ward={ward}",
    "list, one ward, ended": "/desk/?ward={ward}&tab=ended",
    "list, one agency": "/desk/?agency={agency}",
    "list, overdue": "/desk/?overdue=1",
    "list, waiting for me": "/desk/?mine=1",
    "list, one state": "/desk/?state=verified",
    "list, words": "/desk/?q=den+duong",
    "list, words that nothing has": "/desk/?q=khongcogi",
}


def fill(rows: int, seed: int = 950) -> dict[str, str]:
    """In a process of its own with the city's settings: reports, their words, incidents and chains. A ward and an agency to ask for."""
    import django

    django.setup()
    from django.db import transaction

    from vonglau.core import audit
    from vonglau.core.bulk import insert_many
    from vonglau.core.facts import categories
    from vonglau.core.incidents.models import Incident
    from vonglau.core.incidents.states import State
    from vonglau.core.people.models import Agency
    from vonglau.core.worlds import world
    from vonglau.services.field_reports import intake, masking
    from vonglau.services.field_reports.models import Content, Report
    from vonglau.services.field_reports.published import writing

    chance, now = random.Random(seed), datetime.now(UTC)
    kinds = list(categories().values())
    places = intake.place_index(world("live"))
    agencies = [
        Agency.objects.create(
            code=f"bench-{n}", valid_from="2025-07-01", name_vi=f"Cơ quan {n}", name_en=f"Agency {n}", kind="department"
        )
        for n in range(AGENCIES)
    ]
    assert places is not None
    shown = {words: masking.public(words) for words in WORDS}
    busiest: dict[str, int] = {}

    def incident(n: int) -> Incident:
        category = chance.choice(kinds)
        lon, lat = chance.uniform(WEST, EAST), chance.uniform(SOUTH, NORTH)
        found = places.locate(lon, lat)
        ward = found.ward_code if found else ""
        busiest[ward] = busiest.get(ward, 0) + 1
        came = now - STEP * (rows - n)
        is_open = chance.random() < OPEN_SHARE
        state = chance.choice((State.RECEIVED, State.VERIFIED, State.ASSIGNED)) if is_open else State.CLOSED
        due = now + timedelta(hours=chance.uniform(-48, 400))
        return Incident(
            world="live", ref=f"SV-B-{n:07d}", kind=intake.KIND, service=intake.SERVICE, title=category.name.vi,
            origin="report", category=category.code, level=category.level, state=state,
            agency=None if state in (State.RECEIVED, State.VERIFIED) else chance.choice(agencies),
            lon=lon, lat=lat, ward=ward, received_at=came,
            verified_at=None if state == State.RECEIVED else came + timedelta(hours=1),
            due_at=due if is_open else None, handle_due=due,
            resolved_at=None if is_open else came + timedelta(hours=20),
            closed_at=None if is_open else came + timedelta(hours=40), outcome="" if is_open else "fixed",
        )  # fmt: skip

    def write(numbers: range) -> None:
        incidents = [incident(n) for n in numbers]
        insert_many(incidents)
        keys = dict(Incident.objects.filter(ref__in=[one.ref for one in incidents]).values_list("ref", "pk"))
        for one in incidents:
            one.pk = keys[one.ref]
        reports = [
            Report(
                world="live", reference=f"PA-B-{n:07d}", token=f"bench{n:011d}", incident=one, category=one.category,
                lon=one.lon, lat=one.lat, ward=one.ward, received_at=one.received_at, source="bench", external_id=str(n),
            )
            for n, one in zip(numbers, incidents, strict=True)
        ]  # fmt: skip
        insert_many(reports)
        keys = dict(Report.objects.filter(reference__in=[one.reference for one in reports]).values_list("reference", "pk"))  # fmt: skip
        contents = []
        for n, report in zip(numbers, reports, strict=True):
            report.pk = keys[report.reference]
            words = WORDS[n % len(WORDS)]
            phone = f"0905{n % 1_000_000:06d}" if n % 3 == 0 else ""
            contents.append(Content(report=report, description=words, public_words=shown[words], phone=phone))
        insert_many(contents)
        audit.record_many(
            (one.stream, {"at": one.received_at.isoformat(), "who": "bench", "role": "system", "step": "receive", "to": one.state})
            for one in incidents
        )  # fmt: skip
        writing.arrived([report.pk for report in reports])

    for start in range(0, rows, AT_ONCE):
        with transaction.atomic():
            write(range(start, min(rows, start + AT_ONCE)))
    busiest.pop("", None)
    return {"ward": max(busiest, key=lambda code: busiest[code]), "agency": agencies[2].code}


class City:
    """A served folder, one connection to it, and the clocks of its processes."""

    def __init__(self, url: str, pid: int, database: int) -> None:
        self.link, self.pid, self.database = Link(url), pid, database

    def cpu(self) -> tuple[float, float, float]:
        """Seconds so far of the processes that answer, of all of them, of the database's own."""
        each = cpu(self.pid)
        web = sum(spent for name, spent in each.items() if name.startswith(("web", "front")))
        return web, sum(each.values()), tree_seconds(self.database)

    def measured(self, times: int, ask: Any) -> dict[str, float]:
        """`ask(n)` so many times after three that do not count."""
        for n in range(3):
            ask(-1 - n)
        before, took = self.cpu(), []
        for n in range(times):
            began = time.perf_counter()
            ask(n)
            took.append((time.perf_counter() - began) * 1000)
        time.sleep(1.0)  # what the worker does because of it
        after = self.cpu()
        web, everything, database = ((b - a) / times * 1000 for a, b in zip(before, after, strict=True))
        took.sort()
        return {
            "web_ms": round(web, 2),
            "database_ms": round(database, 2),
            "all_ms": round(everything + database, 2),
            "p50_ms": round(statistics.median(took), 2),
            "p95_ms": round(took[int(len(took) * 0.95) - 1], 2),
        }

    def get(self, path: str, **headers: str) -> bytes:
        status, _headers, body = self.link.call("GET", path, **headers)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:300]!r}")
        return body

    def send(self, token: str, n: int, chance: random.Random) -> tuple[str, float, float]:
        """One report over Open311: (its number, lon, lat)."""
        while True:
            lon, lat = chance.uniform(WEST, EAST), chance.uniform(SOUTH, NORTH)
            form = {
                "service_code": "street_light",
                "lat": f"{lat:.6f}",
                "long": f"{lon:.6f}",
                "description": f"{WORDS[n % len(WORDS)]} Lần {n}.",
                "phone": "0905 123 456",
            }
            headers = {
                "Content_Type": "application/x-www-form-urlencoded",
                "Authorization": f"Bearer {token}",
                "Idempotency_Key": f"{os.getpid()}-{n}-{chance.random()}",
            }
            status, _headers, body = self.link.call("POST", "/open311/v2/requests.json", urlencode(form).encode(), **headers)  # fmt: skip
            if status in (200, 201):
                return json.loads(body)[0]["service_request_id"], lon, lat
            if status != 400:  # at sea
                raise RuntimeError(f"{status} {body[:300]!r}")


def box_around(lon: float, lat: float) -> str:
    west, south = lon - BOX / 2, lat - BOX / 2
    return f"{west:.5f},{south:.5f},{west + BOX:.5f},{south + BOX:.5f}"


def over_open311(lon: float, lat: float) -> str:
    """The newest hundred: as the city grows a box holds more, and an answer of one size stays comparable."""
    return f"/open311/v2/requests.json?page=1&page_size=100&bbox={box_around(lon, lat)}"


def on_the_map(lon: float, lat: float) -> str:
    return f"/field_reports/map/points?zoom=16&view={box_around(lon, lat)}"


@contextmanager
def _as_environment(place: Store) -> Iterator[None]:
    """Commands and servers started within are told where the database is, and count no requests."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(place.environment | {"VONGLAU_RATE_ADDRESS": "100000", "VONGLAU_RATE_TOKEN": "100000"})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def one(engine: str, rows: int, times: int) -> dict[str, Any]:
    """All measures at one size on one engine."""
    with (
        tempfile.TemporaryDirectory(prefix="vonglau-bench-") as folder,
        store(engine, Path(folder)) as place,
        _as_environment(place),
    ):
        data = Path(folder) / "city"
        cli("init", "--data", str(data))
        cli("user", "create", "bench", "--role", "operator", "--data", str(data), stdin=PASSWORD + "\n")
        token = cli("token", "create", "bench", "--scope", "reports:write", "--data", str(data))  # fmt: skip
        began = time.perf_counter()
        code = f"import json, bench.reports; print(json.dumps(bench.reports.fill({rows})))"
        environment = {**os.environ, "VONGLAU_DATA": str(data), "DJANGO_SETTINGS_MODULE": "vonglau.web.settings"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parent.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        names = json.loads(done.stdout.strip().splitlines()[-1])
        filled, chance = time.perf_counter() - began, random.Random(rows)
        with server(data) as (url, pid):
            city = City(url, pid, place.pid)
            sent = city.send(token, 0, chance)
            found = json.loads(city.get(over_open311(*sent[1:])))
            fresh = sent[0] in {report["service_request_id"] for report in found}
            measures = {"submit": city.measured(times, lambda n: city.send(token, n, chance))}
            for name, box in (("box, public map", on_the_map), ("box, Open311, 100 reports", over_open311)):
                measures[name] = city.measured(
                    times, lambda n, box=box: city.get(box(chance.uniform(WEST, EAST), chance.uniform(SOUTH, NORTH)))
                )
            cookie = f"sessionid={sign_in(url)}"
            for name, path in LISTS.items():
                measures[name] = city.measured(
                    times, lambda n, path=path: city.get(path.format(**names), Cookie=cookie)
                )
    return {
        "engine": engine,
        "rows": rows,
        "box_shows_the_last_commit": fresh,
        "measures": measures,
        "list_worst": max((m["p95_ms"], name) for name, m in measures.items() if name.startswith("list")),
        "fill_seconds": round(filled),
        "durable": place.version,
    }


def run(rows: int = 0, engine: str = "", times: int = 60) -> dict[str, Any]:
    """`rows`: one size instead of three. `engine`: sqlite | postgresql, both when empty. `times`: requests of each kind."""
    found = []
    for name in (engine,) if engine else ENGINES:
        for size in (rows,) if rows else SIZES:
            found.append(one(name, size, times))
            print(json.dumps(found[-1], ensure_ascii=False), file=sys.stderr, flush=True)
    lines = table(found)
    print(f"\n{lines}\n", file=sys.stderr, flush=True)
    return {"name": "reports", "results": found, "table": lines, "machine": _machine()}


def table(found: list[dict[str, Any]]) -> str:
    """Processor time of a request of each kind, at each size of each engine: of who answers it, and of its database's server."""
    lines = ["| request, CPU ms | " + " | ".join(f"{one['engine']}, {one['rows']:,}" for one in found) + " |"]
    lines.append("|---" * (len(found) + 1) + "|")
    for name in found[0]["measures"]:
        cells = []
        for one in found:
            spent = one["measures"][name]
            database = f" + {spent['database_ms']:.1f}" if one["engine"] != "sqlite" else ""
            cells.append(f"{spent['web_ms']:.1f}{database}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("| filled in, s | " + " | ".join(str(one["fill_seconds"]) for one in found) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    options: dict[str, Any] = {
        key: value if key == "engine" else int(value)
        for key, _, value in (word.partition("=") for word in sys.argv[1:])
    }
    print(json.dumps(run(**options), indent=2, ensure_ascii=False))
