"""What the public asks of reports as they grow: a box, the map, the list, the figures, at 10⁴, 10⁵ and 10⁶ public reports, on both engines.

    python -m bench.public                                              # everything
    python -m bench.public --engine postgresql --rows 10000 100000

Only the public table is filled (it is all that is read); views are asked in this process, without a network. `cpu_ms` is this process's
processor time of a request (on SQLite all of it; on PostgreSQL without the server's), `ms` its p50 by the clock.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.stores import ENGINES

ROWS = (10_000, 100_000, 1_000_000)
CENTRES = ((108.22, 16.06), (108.20, 16.04), (108.15, 16.08), (108.24, 16.02))
"""Of Đà Nẵng: reports lie around them as people do."""
BOXES = {
    "box, a street": (108.2195, 16.0595, 108.2205, 16.0605),
    "box, a ward": (108.215, 16.055, 108.225, 16.065),
    "box, a thin one over the whole city": (108.00, 16.0600, 108.40, 16.0601),
    "box, at sea": (109.0, 15.0, 109.5, 15.5),
    "box, the whole city": (107.9, 15.8, 108.6, 16.3),
}


def fill(rows: int, seed: int = 950) -> None:
    from django.db import connection, transaction

    from vonglau.core.bulk import insert_many
    from vonglau.core.facts import categories
    from vonglau.services.field_reports.models import PublicReport
    from vonglau.services.field_reports.published.cells import cell

    chance, now, codes = random.Random(seed), datetime.now(UTC), list(categories())

    def one(n: int) -> PublicReport:
        x, y = chance.choice(CENTRES)
        lon, lat = round(chance.gauss(x, 0.03), 6), round(chance.gauss(y, 0.02), 6)
        came = now - timedelta(minutes=(rows - n) * 1_000_000 / rows)
        running = chance.random() < 0.05
        took = int(chance.expovariate(1 / 1440))
        return PublicReport(
            report_id=n + 1,
            world="live",
            reference=f"PA-B-{n:07d}",
            category=chance.choice(codes),
            level="normal",
            ward=f"{20000 + chance.randint(0, 93)}",
            place="Hải Châu",
            lon=lon,
            lat=lat,
            cell=cell(lon, lat),
            state="in_progress" if running else "closed",
            outcome="" if running else "fixed",
            running=running,
            received_at=came,
            verified_at=came,
            resolved_at=None if running else came + timedelta(minutes=took),
            took=None if running else took,
            updated_at=came,
            handle_due=came + timedelta(days=2),
            words="Đèn đường trước nhà không sáng từ tối qua, cả ngõ tối om",
        )

    with connection.cursor() as cursor:
        cursor.execute(
            "PRAGMA foreign_keys=OFF" if connection.vendor == "sqlite" else "SET session_replication_role = replica"
        )
    for at in range(0, rows, 20_000):
        with transaction.atomic():
            insert_many([one(n) for n in range(at, min(rows, at + 20_000))])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def asked(path: str, query: dict[str, str], times: int) -> dict[str, Any]:
    from django.test import Client

    from vonglau.services.field_reports.public import figures

    client, took, cpu = Client(headers={"host": "localhost"}), [], []
    for n in range(times + 1):
        figures.forget()
        began, used = time.perf_counter(), time.process_time()
        answer = client.get(path, query)
        spent, processor = time.perf_counter() - began, time.process_time() - used
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.content[:200]!r}")
        if n:  # the first one warms up
            took.append(spent * 1000)
            cpu.append(processor * 1000)
    return {
        "ms": round(statistics.median(took), 2),
        "cpu_ms": round(statistics.median(cpu), 2),
        "bytes": len(answer.content),
    }


def questions(box: tuple[float, float, float, float], times: int = 40) -> dict[str, Any]:
    """Only what is asked of the database for a box, without a page around it."""
    from vonglau.services.field_reports.published import asking

    took, cpu, found = [], [], []
    for n in range(times + 1):
        began, used = time.perf_counter(), time.process_time()
        inside, _few = asking.reports("live", box)
        found = list(asking.newest(inside)[:100])
        if n:
            took.append((time.perf_counter() - began) * 1000)
            cpu.append((time.process_time() - used) * 1000)
    return {"ms": round(statistics.median(took), 2), "cpu_ms": round(statistics.median(cpu), 2), "reports": len(found)}


def measure(rows: int, times: int) -> dict[str, Any]:
    """In a process of its own, with the city's settings."""
    import django

    import vonglau  # noqa: F401  (swaps in the SQLite wheel before Django looks)

    django.setup()
    from django.core.management import call_command

    from vonglau.core.worlds import WorldKind, ensure_world

    call_command("migrate", verbosity=0)
    ensure_world("live", WorldKind.LIVE, "48", "Thật", "Live")
    began = time.perf_counter()
    fill(rows)
    told: dict[str, Any] = {"rows": rows, "filled_s": round(time.perf_counter() - began, 1)}
    for name, box in BOXES.items():
        told[name] = questions(box)
    base, bbox = "/field_reports", ",".join(map(str, BOXES["box, a ward"]))
    whole = ",".join(map(str, BOXES["box, the whole city"]))
    for name, path, query in (
        ("Open311, a ward, 100", "/open311/v2/requests.json", {"bbox": bbox, "page_size": "100"}),
        ("Open311, the newest 100", "/open311/v2/requests.json", {"page_size": "100"}),
        (
            "map, a street, points",
            f"{base}/map/points",
            {"view": ",".join(map(str, BOXES["box, a street"])), "zoom": "16"},
        ),
        ("map, the whole city, 90 days", f"{base}/map/points", {"view": whole, "zoom": "11"}),
        ("map, the whole city, all", f"{base}/map/points", {"view": whole, "zoom": "11", "period": "all"}),
        ("list", f"{base}/map/", {"period": "all"}),
        ("list, open in a ward", f"{base}/map/", {"period": "all", "state": "open", "ward": "20007"}),
        ("list, words that nothing has", f"{base}/map/", {"q": "khongcogi"}),
        ("statistics, 90 days", f"{base}/statistics/", {}),
    ):
        told[name] = asked(path, query, times)
    return told


def run(engine: str, rows: int, times: int) -> dict[str, Any]:
    from contextlib import ExitStack

    from tests import postgres

    with tempfile.TemporaryDirectory(prefix="vonglau-bench-") as folder, ExitStack() as held:
        environment = {**os.environ, "VONGLAU_DATA": folder, "DJANGO_SETTINGS_MODULE": "vonglau.web.settings"}
        environment["VONGLAU_SECRETS"] = folder
        if engine == "postgresql":
            environment["VONGLAU_DATABASE"] = held.enter_context(postgres.server(**postgres.FAST)).url("vonglau")
        code = f"import json, bench.public as b; print(json.dumps(b.measure({rows}, {times})))"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return {"engine": engine, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--rows", nargs="+", type=int, default=list(ROWS))
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    for engine in given.engine:
        for rows in given.rows:
            print(json.dumps(run(engine, rows, given.times), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
