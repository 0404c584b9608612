"""How soon the queue and the API's list answer when a city has a million incidents: the desk's tabs and filters, and the JSON API.

Rows are put into the state database as loading history does; then a real server answers a signed-in operator, one request at a time.
"""

import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.stream import PASSWORD, Link, cli, server, sign_in

OPEN_SHARE = 0.02
"""Of a city's incidents of some years, those that somebody still has to do something about."""
WARDS = 94
AGENCIES = 20
TITLES = (
    "Đèn đường không sáng",
    "Ổ gà trên mặt đường",
    "Rác thải chưa thu gom",
    "Ùn tắc giao thông",
    "Nước tràn mặt đường",
    "Cây gãy đổ",
)
PAGES = {
    "desk, open": "/desk/",
    "desk, open, second page": "next",
    "desk, ended": "/desk/?tab=ended",
    "desk, all": "/desk/?tab=all",
    "desk, one ward": "/desk/?ward={ward}",
    "desk, one agency": "/desk/?agency={agency}",
    "desk, urgent by severity": "/desk/?rank=4",
    "desk, overdue": "/desk/?overdue=1",
    "desk, waiting for me": "/desk/?mine=1",
    "desk, words": "/desk/?q=den+duong",
    "desk, words that nothing has": "/desk/?q=khongcogi",
    "desk, ended in one ward": "/desk/?tab=ended&ward={ward}",
    "find (Ctrl-K)": "/find?q=den+duong",
    "API list": "/api/incidents",
    "API list, received": "/api/incidents?order=received",
    "API list, open": "/api/incidents?state=open",
    "API list, one ward": "/api/incidents?ward={ward}",
    "API list, one ward, ended, received": "/api/incidents?ward={ward}&state=ended&order=received",
    "API list, words": "/api/incidents?q={title}",
}


def fill(incidents: int, seed: int = 950) -> dict[str, str]:
    """In a process of its own with the city's settings: the incidents and their agencies. A ward and an agency to ask for."""
    import django

    django.setup()
    from django.db import transaction

    from vonglau.core.bulk import insert_many
    from vonglau.core.incidents.models import Incident
    from vonglau.core.incidents.states import State
    from vonglau.core.people.models import Agency
    from vonglau.core.places.models import Ward
    from vonglau.core.seams import incident_kinds

    chance = random.Random(seed)
    made = [
        Agency.objects.create(
            code=f"bench-{n}", valid_from="2025-07-01", name_vi=f"Cơ quan {n}", name_en=f"Agency {n}", kind="department"
        )
        for n in range(AGENCIES)
    ]
    wards = [*Ward.objects.order_by("code").values_list("code", flat=True)[:WARDS]]
    kinds = [(code, service.name) for code, (service, _kind) in incident_kinds().items()]
    now = datetime.now(UTC)

    def one(n: int) -> Incident:
        kind, service = chance.choice(kinds)
        came = now - timedelta(seconds=(incidents - n) * 60)
        is_open = chance.random() < OPEN_SHARE
        state = (
            chance.choice((State.RECEIVED, State.VERIFIED, State.ASSIGNED, State.IN_PROGRESS))
            if is_open
            else State.CLOSED
        )
        due = now + timedelta(hours=chance.uniform(-48, 400))
        return Incident(
            world="live",
            ref=f"B{n:08d}",
            kind=kind,
            service=service,
            title=chance.choice(TITLES),
            origin="report",
            level="normal",
            rank=chance.choice((0, 1, 2, 2, 2, 3, 3, 4)),
            state=state,
            agency=None if state in (State.RECEIVED, State.VERIFIED) else chance.choice(made),
            ward=chance.choice(wards),
            place=f"{chance.randint(1, 400)} Nguyễn Văn Linh",
            received_at=came,
            due_at=due if is_open else None,
            handle_due=due,
            resolved_at=None if is_open else came + timedelta(hours=20),
            closed_at=None if is_open else came + timedelta(hours=40),
            outcome="" if is_open else "fixed",
        )

    for at in range(0, incidents, 20_000):
        with transaction.atomic():
            insert_many([one(n) for n in range(at, min(incidents, at + 20_000))])
    return {"ward": wards[3], "agency": made[2].code}


def asked(url: str, session: str, path: str, times: int) -> list[float]:
    """Milliseconds of `times` requests, one after the other on one connection."""
    link, took = Link(url), []
    for _n in range(times):
        began = time.perf_counter()
        status, _headers, body = link.call("GET", path, Cookie=f"sessionid={session}")
        took.append((time.perf_counter() - began) * 1000)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:200]!r}")
    return sorted(took)


def second_page(url: str, session: str) -> str:
    body = Link(url).call("GET", "/desk/", Cookie=f"sessionid={session}")[2].decode()
    return "/desk/" + body.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")


def run(incidents: int = 1_000_000, times: int = 40) -> dict[str, Any]:
    """p50 and p95 in milliseconds of every page; `worst` is the largest p95 of the queue without words and of the API's list."""
    from urllib.parse import quote

    with tempfile.TemporaryDirectory(prefix="vonglau-bench-") as folder:
        data = Path(folder) / "city"
        cli("init", "--data", str(data))
        cli("user", "create", "bench", "--role", "operator", "--data", str(data), stdin=PASSWORD + "\n")
        code = f"import json, bench.desk; print(json.dumps(bench.desk.fill({incidents})))"
        environment = {**os.environ, "VONGLAU_DATA": str(data), "DJANGO_SETTINGS_MODULE": "vonglau.web.settings"}
        began = time.perf_counter()
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
        names = {**json.loads(done.stdout.strip().splitlines()[-1]), "title": quote(TITLES[0])}
        filled = time.perf_counter() - began
        rows = {}
        with server(data) as (url, _pid):
            session = sign_in(url)
            for name, path in PAGES.items():
                place = second_page(url, session) if path == "next" else path.format(**names)
                asked(url, session, place, 3)
                took = asked(url, session, place, times)
                rows[name] = {
                    "p50_ms": round(statistics.median(took), 1),
                    "p95_ms": round(took[int(len(took) * 0.95) - 1], 1),
                }
    return {
        "name": "desk",
        "incidents": incidents,
        "pages": rows,
        "p95_queue_ms": rows["desk, open"]["p95_ms"],
        "p95_api_ms": rows["API list"]["p95_ms"],
        "worst_p95_ms": max(row["p95_ms"] for row in rows.values()),
        "fill_seconds": round(filled),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


if __name__ == "__main__":
    options = {key: int(value) for key, _, value in (word.partition("=") for word in sys.argv[1:])}
    print(json.dumps(run(**options), indent=2, ensure_ascii=False))
