"""Faults under load, round after round: nothing acknowledged may be lost, nothing doubled, the audit chain whole, `check` clean.

    vonglau bench faults --rounds 100                       # SQLite
    vonglau bench faults --rounds 100 --engine postgresql   # a server of its own, with durable settings

While senders post events, make incidents and move them, each round does one of these, drawn by chance (`--seed`):

    door, web, worker   kill -9 of that process
    sealer              kill -9 of the door in the middle of sealing (the tail is kept short, so that it seals all the time)
    all                 kill -9 of everything at once, supervisor included; then `serve` again
    full                the disk of the data folder runs full; after a while there is room again (needs the right to mount)
    stall               the door is stopped for seconds and goes on: what a disk that hangs looks like from outside
    database            PostgreSQL dies as in a crash and comes back (with --engine postgresql)

What counts as acknowledged: an event answered 202, a report that got its number, a step that got its new version. A sender that gets no
answer sends the same again, as a good one does. Recovery is from the fault (for `full`: from the room that came back) to the next
acknowledged event that was sent after it.
"""

import contextlib
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.disk import Disk

CLI = [sys.executable, "-m", "vonglau.cli"]
ROOT = Path(__file__).parent.parent
TAIL = 4_000
"""Events from which the log seals: so few that it happens every few seconds."""
DISK_MIB = 1_024
SENDERS = 3
SIZE = 40
"""Events in a batch."""
READY_SECONDS = 60.0


class City:
    """The installation under test."""

    def __init__(self, data: Path, database: str) -> None:
        self.data = data
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("VONGLAU_", "DJANGO_"))}
        self.environment = {**kept, "VONGLAU_TAIL": str(TAIL), "VONGLAU_RATE_ADDRESS": "100000"}
        if database:
            self.environment["VONGLAU_DATABASE"] = database
        self.log = (data.parent.parent / "serve.log").open("w")
        self.process: subprocess.Popen[str] | None = None
        self.port = 0

    def cli(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> "subprocess.CompletedProcess[str]":
        command = [*CLI, *arguments, "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)
        if done.returncode not in allowed:
            raise RuntimeError(f"{' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def serve(self) -> None:
        self.process = subprocess.Popen(
            [*CLI, "serve", "--data", str(self.data), "--port", str(self.port), "--json"],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"serve ended at once; see {self.log.name}")
        self.port = urlsplit(json.loads(line)["url"]).port or 0

    def processes(self) -> dict[str, int]:
        """Name → pid of the supervisor's children, as they are now."""
        assert self.process is not None
        found = {}
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(OSError, ValueError):
                words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
                found[words[words.index("--name") + 1]] = int(child)
        return found

    def stop(self) -> None:
        """May be called again."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None
            self.log.close()

    def kill_all(self) -> None:
        assert self.process is not None
        children = list(self.processes().values())
        for pid in (self.process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self.serve()

    def request(
        self, method: str, path: str, body: bytes | None, token: str, kind: str, key: str = ""
    ) -> tuple[int, Any]:
        link = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
            link.request(method, path, body, headers | ({"Idempotency-Key": key} if key else {}))
            answer = link.getresponse()
            data = answer.read()
            decoded = json.loads(data) if "json" in (answer.getheader("Content-Type") or "") and data else None
            return answer.status, decoded
        finally:
            link.close()


class Sender(threading.Thread):
    """Posts until told to end; `acknowledged` holds what was answered, with the moments it was sent and answered."""

    def __init__(self, city: City, token: str, number: int) -> None:
        super().__init__(daemon=True)
        self.city, self.token, self.number = city, token, number
        self.ended = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.failed: BaseException | None = None

    def run(self) -> None:
        serial = 0
        try:
            while not self.ended.is_set():
                try:
                    if self.once(serial):
                        serial += 1
                        continue
                except (OSError, HTTPException, json.JSONDecodeError):
                    self.statuses[0] += 1
                time.sleep(0.05)
        except BaseException as problem:
            self.failed = problem
            raise

    def once(self, serial: int) -> bool:
        raise NotImplementedError  # each sort of sender has its own


class Events(Sender):
    """Batches of measurements."""

    def __init__(self, city: City, token: str, number: int) -> None:
        super().__init__(city, token, number)
        self.acknowledged: list[str] = []
        self.moments: list[tuple[float, float]] = []
        """(sent, answered) of every acknowledged batch, monotonic seconds."""
        self.size = SIZE
        """Events in the next new batch; one that is sent again stays as it was."""
        self.waiting: list[dict[str, Any]] = []

    def once(self, serial: int) -> bool:
        events = self.waiting = self.waiting or self.batch(serial)
        sent = time.monotonic()
        status, said = self.city.request(
            "POST", "/api/events", json.dumps(events).encode(), self.token, "application/cloudevents-batch+json"
        )
        self.statuses[status] += 1
        if status != 202:
            return False
        if said["accepted"] + said["duplicates"] != len(events):
            raise AssertionError(f"a batch was answered with {said}")
        self.acknowledged += [event["id"] for event in events]
        self.waiting = []
        self.moments.append((sent, time.monotonic()))
        time.sleep(0.005)
        return True

    def batch(self, serial: int) -> list[dict[str, Any]]:
        return [
            {
                "specversion": "1.0",
                "id": f"{self.number}-{serial}-{n}",
                "source": "/fault",
                "type": "vn.vonglau.traffic.measured",
                "subject": f"s{self.number}-{n}",
                "time": f"2026-11-20T{serial // 3600 % 24:02d}:{serial // 60 % 60:02d}:{serial % 60:02d}Z",
                "data": {"quantity": "speed", "value": 40 + n % 40},
            }
            for n in range(self.size)
        ]


class Desk(Sender):
    """Reports over Open311, and the newest incident verified through the API: what people's work leaves behind."""

    def __init__(self, city: City, token: str, number: int) -> None:
        super().__init__(city, token, number)
        self.reports: list[str] = []
        """Idempotency keys of acknowledged reports."""
        self.steps: list[tuple[str, int]] = []
        """(incident, version) of every acknowledged step."""

    def once(self, serial: int) -> bool:
        form = {"service_code": "street_light", "lat": "16.06", "long": "108.22", "description": f"den tat {serial}"}
        kind, key = "application/x-www-form-urlencoded", f"fault-{self.number}-{serial}"
        status, _said = self.city.request(
            "POST", "/open311/v2/requests.json", urlencode(form).encode(), self.token, kind, key
        )
        self.statuses[status] += 1
        if status not in (200, 201):
            return False
        self.reports.append(key)
        with contextlib.suppress(OSError, HTTPException):
            self.verify()
        time.sleep(0.2)
        return True

    def verify(self) -> None:
        newest = "/api/incidents?state=received&order=received&limit=1"
        status, said = self.city.request("GET", newest, None, self.token, "application/json")
        if status != 200 or not said["items"]:
            return
        found = said["items"][0]
        body = json.dumps({"step": "verify", "version": found["version"]}).encode()
        path = f"/api/incidents/{found['ref']}/steps"
        status, said = self.city.request("POST", path, body, self.token, "application/json")
        self.statuses[status] += 1
        if status == 200:
            self.steps.append((found["ref"], said["version"]))


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


class Rounds:
    """Draws faults, makes them, waits until the city is well again."""

    def __init__(self, city: City, disk: Disk, database: Any, senders: list[Events], chance: random.Random) -> None:
        self.city, self.disk, self.database, self.senders, self.chance = city, disk, database, senders, chance
        self.recoveries: dict[str, list[float]] = {}
        self.full_seen = 0
        self.faults: dict[str, Callable[[], float]] = {
            "door": lambda: self.kill("door"),
            "web": lambda: self.kill("web1"),
            "worker": lambda: self.kill("worker"),
            "sealer": self.sealer,
            "all": self.everything,
            "stall": self.stall,
        }
        if disk.mounted:
            self.faults["full"] = self.full
        if database is not None:
            self.faults["database"] = self.crash

    def kill(self, name: str) -> float:
        pid = self.city.processes().get(name)
        at = time.monotonic()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return at

    def sealer(self) -> float:
        """As soon as a file that is being written shows in the folder of sealed ones; after three seconds, whatever shows."""
        folder, until = self.city.data / "sealed", time.monotonic() + 8
        known = _names(folder)
        while time.monotonic() < until:
            now = _names(folder)
            if now - known:
                break
            time.sleep(0.0005)
        return self.kill("door")

    def everything(self) -> float:
        at = time.monotonic()
        self.city.kill_all()
        return at

    def stall(self) -> float:
        pid = self.city.processes().get("door")
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(self.chance.uniform(0.5, 3))
                os.kill(pid, signal.SIGCONT)
        return time.monotonic()

    def full(self) -> float:
        before = sum(sender.statuses[507] for sender in self.senders)
        for sender in self.senders:  # what SQLite has laid out already is soon used up
            sender.size = 20 * SIZE
        self.disk.fill()
        until = time.monotonic() + 40
        while time.monotonic() < until and sum(sender.statuses[507] for sender in self.senders) == before:
            self.disk.fill()
            time.sleep(0.1)
        self.full_seen += sum(sender.statuses[507] for sender in self.senders) > before
        time.sleep(self.chance.uniform(0.2, 1.5))
        self.disk.room()
        for sender in self.senders:
            sender.size = SIZE
        return time.monotonic()

    def crash(self) -> float:
        at = time.monotonic()
        self.database.stop(signal.SIGQUIT)
        time.sleep(self.chance.uniform(0, 1))
        self.database.start()
        return at

    def round(self) -> str:
        name = self.chance.choice(sorted(self.faults))
        at = self.faults[name]()
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            after = [answered for sender in self.senders for sent, answered in sender.moments[-200:] if sent > at]
            if after:
                self.recoveries.setdefault(name, []).append(min(after) - at)
                break
            time.sleep(0.01)
        else:
            raise RuntimeError(f"after {name} nothing was acknowledged for {READY_SECONDS:.0f} s")
        self.ready(until)
        return name

    def ready(self, until: float) -> None:
        while time.monotonic() < until:
            with contextlib.suppress(OSError, HTTPException):
                if self.city.request("GET", "/readyz", None, "", "")[0] == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError("the city did not become ready again")


def verdict(city: City, events: list[Events], people: list[Desk]) -> dict[str, Any]:
    """Counted on what is stored, with the server stopped."""
    code = "import json, sys, bench.faults as f; print(json.dumps(f.stored()))"
    environment = {**city.environment, "VONGLAU_DATA": str(city.data), "DJANGO_SETTINGS_MODULE": "vonglau.web.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found = json.loads(done.stdout.strip().splitlines()[-1])
    times = Counter(found["events"])
    acknowledged = {id for sender in events for id in sender.acknowledged}
    versions, reports = dict(found["incidents"]), Counter(found["reports"])
    checked = city.cli("check", allowed=(0, 1, 2))
    return {
        "acknowledged_events": len(acknowledged),
        "lost_events": sum(times[id] == 0 for id in acknowledged),
        "doubled_events": sum(count > 1 for count in times.values()),
        "acknowledged_reports": sum(len(one.reports) for one in people),
        "lost_reports": sum(reports[key] == 0 for one in people for key in one.reports),
        "doubled_reports": sum(count > 1 for count in reports.values()),
        "acknowledged_steps": sum(len(one.steps) for one in people),
        "lost_steps": sum(versions.get(ref, 0) < version for one in people for ref, version in one.steps),
        "publications_lost_or_doubled": found["publications_off"],
        "sealed_files": found["sealed_files"],
        "check": "clean" if checked.returncode == 0 else checked.stdout + checked.stderr,
    }


def stored() -> dict[str, Any]:
    """In a process with the city's settings: ids of the events that were sent, incidents with their versions, publications in the log."""
    import django

    django.setup()
    from django.conf import settings

    from vonglau.core.incidents.models import Incident
    from vonglau.core.models import Publication
    from vonglau.engines import open_reader
    from vonglau.services.field_reports.models import Report

    ids: list[str] = []
    published: Counter[str] = Counter()
    reader, after = open_reader(settings.VONGLAU_DATA), 0
    while len(batch := reader.batch(after, 50_000)):
        for id, source in zip(batch.id, batch.source, strict=True):
            if source == "/fault":
                ids.append(id)
            else:
                published[id] += 1
        after = batch.through
    said = [json.loads(bytes(body))["id"] for body in Publication.objects.values_list("body", flat=True)]
    return {
        "events": ids,
        "reports": list(Report.objects.values_list("external_id", flat=True)),
        "incidents": list(Incident.objects.values_list("ref", "version")),
        "publications_off": sum(published[id] != 1 for id in said),
        "sealed_files": len(list((Path(settings.VONGLAU_DATA) / "sealed").glob("*.parquet"))),
    }


@contextlib.contextmanager
def database(engine: str, folder: Path) -> Iterator[Any]:
    """A PostgreSQL server of its own with durable settings, or none."""
    if engine == "sqlite":
        yield None
        return
    from tests.postgres import server

    with server() as running:
        yield running


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def run(rounds: int = 20, seed: int = 950, engine: str = "sqlite") -> dict[str, Any]:
    """`engine`: sqlite | postgresql."""
    folder = Path(tempfile.mkdtemp(prefix="vonglau-faults-"))
    disk = Disk(folder, DISK_MIB)
    try:
        with database(engine, folder) as server, contextlib.ExitStack() as served:
            city = City(disk.path / "city", server.url("vonglau") if server is not None else "")
            served.callback(city.stop)  # however the rounds end
            return _run(rounds, seed, engine, disk, server, city)
    finally:
        disk.close()
        shutil.rmtree(folder, ignore_errors=True)


def _run(rounds: int, seed: int, engine: str, disk: Disk, server: Any, city: City) -> dict[str, Any]:
    city.cli("init", "--locality", "48")
    token = city.cli("token", "create", "faults", "--scope", "events:write,read,reports:write,incidents:write")
    key = token.stdout.strip().splitlines()[-1]
    began = time.monotonic()
    city.serve()
    events = [Events(city, key, number) for number in range(SENDERS)]
    people = [Desk(city, key, SENDERS)]
    making = Rounds(city, disk, server, events, random.Random(seed))
    making.ready(time.monotonic() + READY_SECONDS)
    for sender in (*events, *people):
        sender.start()
    drawn: Counter[str] = Counter()
    for number in range(rounds):
        time.sleep(making.chance.uniform(0.2, 1.0))
        name = making.round()
        drawn[name] += 1
        print(
            f"round {number + 1} of {rounds}: {name}, well again after {making.recoveries[name][-1]:.2f} s",
            file=sys.stderr,
            flush=True,
        )
    for sender in (*events, *people):
        sender.ended.set()
    for sender in (*events, *people):
        sender.join(60)
        if sender.failed is not None:
            raise RuntimeError("a sender failed") from sender.failed
    time.sleep(3)
    city.stop()
    all_of = [took for times in making.recoveries.values() for took in times]
    return {
        "name": "faults",
        "engine": engine,
        "rounds": rounds,
        "drawn": dict(drawn),
        **verdict(city, events, people),
        "disk_full_answered_507": f"{making.full_seen} of {drawn['full']}"
        if disk.mounted
        else "left out: no right to mount",
        "recovery_s": {
            "median": round(statistics.median(all_of), 2),
            "p95": round(quantile(all_of, 0.95), 2),
            "worst": round(max(all_of), 2),
            **{name: round(max(times), 2) for name, times in sorted(making.recoveries.items())},
        },
        "seconds": round(time.monotonic() - began),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


if __name__ == "__main__":
    print(json.dumps(run(*[int(word) for word in sys.argv[1:2]]), indent=2))
