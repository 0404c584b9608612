"""A city is backed up while it works, dies, is restored elsewhere, and goes on: nothing acknowledged before is lost, nothing doubled."""

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests import engines
from tests.serving import VONGLAU, Serving, environment, new_city, ran, serving, token, vonglau
from vonglau.engines.embedded import open_reader
from vonglau.services.traffic.tests.streams import DAY, HOUR, MONDAY, altered, steady

pytestmark = pytest.mark.skipif(
    engines.POSTGRESQL, reason="looks into the SQLite files; PostgreSQL has tests/operation/test_backup_postgresql.py"
)

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
RECORDING = "past-week"


class Sender(threading.Thread):
    """Posts batch after batch until it is ended, each again until it is answered; remembers what was sent and when it was answered."""

    def __init__(self, server: Serving, key: str, name: str) -> None:
        super().__init__(daemon=True, name=name)
        self.server, self.key, self.ended = server, key, threading.Event()
        self.batches: list[list[dict[str, Any]]] = []
        self.acknowledged: dict[str, datetime] = {}

    def run(self) -> None:
        while not self.ended.is_set():
            number = len(self.batches)
            self.send(
                [
                    {"specversion": "1.0", "id": f"{self.name}-{number}-{i}", "source": "/load", "type": "x.load"}
                    | {"time": "2026-11-20T00:00:00Z"}
                    for i in range(20)
                ]
            )
            time.sleep(0.05)

    def send(self, batch: list[dict[str, Any]]) -> None:
        self.batches.append(batch)
        while not self.post(batch):
            time.sleep(0.1)

    def post(self, batch: list[dict[str, Any]]) -> bool:
        with suppress(OSError, HTTPException):
            status, _headers, said = self.server.request("POST", "/api/events", batch, self.key, BATCH)
            if status == 202:
                assert said["accepted"] + said["duplicates"] == len(batch), said
                now = datetime.now(UTC)
                for event in batch:
                    self.acknowledged.setdefault(event["id"], now)
                return True
        return False


def recorded_batches() -> list[list[dict[str, Any]]]:
    """Four days of a street's speed with a jam in the last quarter, in a recording's world."""
    rows = altered(steady(4), 0.3, MONDAY + 3 * DAY + 5 * HOUR, HOUR)
    events = [
        {
            "specversion": "1.0",
            "id": f"rec-{n}",
            "source": "/recording",
            "type": "vn.vonglau.traffic.measured",
            "subject": "s1",
            "exercise": RECORDING,
            "lon": "108.22",
            "lat": "16.06",
            "time": datetime.fromtimestamp(row.at / 1e6, UTC).isoformat(),
            "data": {"quantity": "speed", "value": row.value},
        }
        for n, row in enumerate(rows)
    ]
    return [events[start : start + 20] for start in range(0, len(events), 20)]


class Citizens(threading.Thread):
    """Report one thing after another: incidents, audit rows, publications."""

    def __init__(self, server: Serving, key: str) -> None:
        super().__init__(daemon=True)
        self.server, self.key, self.ended, self.told = server, key, threading.Event(), 0

    def run(self) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        while not self.ended.is_set():
            with suppress(OSError, HTTPException):
                status, _headers, offered = self.server.request("GET", "/open311/v2/services.json")
                assert status == 200, offered
                body = f"service_code={offered[0]['service_code']}&lat=16.06&long=108.22&description=number+{self.told}"
                status, _headers, said = self.server.request(
                    "POST", "/open311/v2/requests.json", body.encode(), self.key, form
                )
                assert status == 200, said
                self.told += 1
            time.sleep(0.05)

    def wait(self, told: int) -> None:
        until = time.monotonic() + 60
        while self.told < told and time.monotonic() < until and self.is_alive():
            time.sleep(0.1)
        assert self.told >= told


def settled(server: Serving) -> None:
    """Every event folded, every publication sent."""
    until, still = time.monotonic() + 90, 0
    while time.monotonic() < until:
        figures = dict(
            line.rsplit(" ", 1) for line in server.request("GET", "/metrics")[2].decode().splitlines() if line[0] != "#"
        )
        waiting = float(figures.get("vonglau_detector_lag_events", 1)) + float(
            figures.get("vonglau_publications_pending", 1)
        )
        still = still + 1 if waiting == 0 else 0
        if still >= 5:  # figures are written once a second: long enough that they are of now
            return
        time.sleep(0.5)
    raise AssertionError("the city does not come to rest")


def rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{data / 'state.db'}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


ALERTS = "SELECT world, identity, kind, onset, ended, rank, subject FROM core_alert ORDER BY 1, 2"


def stored(data: Path) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    reader, after = open_reader(data), 0
    while len(batch := reader.batch(after, 50_000)):
        found.update(zip(batch.source, batch.id, strict=True))
        after = batch.through
    reader.close()
    return found


def taken(data: Path, folder: Path) -> dict[str, Any]:
    return json.loads(ran("backup", folder, "--data", data, "--json").strip().splitlines()[-1])


def killed(server: Serving) -> None:
    """The machine goes dark: supervisor and all below, at once."""
    for pid in [server.process.pid, *server.children()]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait(10)


@pytest.mark.timeout(1200)
def test_a_city_is_backed_up_under_load_and_restored(tmp_path: Path) -> None:
    data, folder, fresh = new_city(tmp_path / "city"), tmp_path / "backups", tmp_path / "restored"
    key, recording, citizen = (
        token(data),
        token(data, world=RECORDING, name="recording"),
        token(data, "reports:write", name="app"),
    )
    with serving(data) as server:
        with closing(sqlite3.connect(data / "state.db", timeout=20)) as db, db:
            db.execute(
                "INSERT INTO core_notice (key, world, kind, channel, lane, recipient, subject, body, about, state, attempts, "
                "attempts_before, stop, uncertain, next_at, expires_at, error, created_at) VALUES ('n/1', 'live', 'assigned', 'email', "
                "'email', 'a@example.vn', 's', 'b', '', 'pending', 0, 0, 0, 0, '2099-01-01', '2099-01-02', '', '2026-11-20')"
            )
        past, recorder = recorded_batches(), Sender(server, recording, "recorder")
        senders, citizens = [Sender(server, key, f"load{n}") for n in range(2)], Citizens(server, citizen)
        for thread in (*senders, citizens):
            thread.start()
        part = len(past) // 5
        for batch in past[:part]:
            recorder.send(batch)
        citizens.wait(3)
        first = taken(data, folder)
        for batch in past[part : 4 * part]:
            recorder.send(batch)
        second = taken(data, folder)
        for batch in past[4 * part :]:
            recorder.send(batch)
        for thread in (*senders, citizens):
            thread.ended.set()
        for thread in (*senders, citizens):
            thread.join(60)
        senders.append(recorder)
        settled(server)
        alerts, told = rows(data, ALERTS), citizens.told
        killed(server)

    assert second["new_bytes"] < first["new_bytes"] / 2, "the second backup copied what was there"
    assert first["positions"]["log_head"] < second["positions"]["log_head"]
    said = json.loads(ran("restore", folder, fresh, "--json").strip().splitlines()[-1])
    assert said["snapshot"] == second["id"]
    assert said["check"]["ok"]
    assert said["check"]["findings"] == []
    assert said["reconciled"]["held"] == 1

    log_at = datetime.fromisoformat(second["log_at"])
    before = {id for sender in senders for id, at in sender.acknowledged.items() if at < log_at}
    have = {id for _source, id in stored(fresh)}
    assert before, "nothing was acknowledged before the snapshot: the test tests nothing"
    assert before <= have, "acknowledged before the snapshot, and lost"
    reports = rows(fresh, "SELECT count(*) FROM core_incident WHERE world = 'live'")[0][0]
    assert 3 <= reports <= told

    with serving(fresh) as server:
        for sender in senders:
            sender.server = server
            assert all(sender.post(batch) for batch in sender.batches)
        settled(server)
    assert {id for sender in senders for id in sender.acknowledged} <= {id for _source, id in stored(fresh)}
    assert not [one for one, times in stored(fresh).items() if times > 1], "stored twice"
    assert rows(fresh, ALERTS) == alerts
    assert len(alerts) == 1
    assert vonglau("check", "--data", fresh).returncode == 0

    assert "n/1" in ran("held", "list", "--data", fresh)
    ran("held", "release", "n/1", "--data", fresh)
    assert rows(fresh, "SELECT state FROM core_notice WHERE key = 'n/1'") == [("pending",)]
    restores = rows(fresh, "SELECT body FROM core_auditrow WHERE stream = 'installation'")
    assert [json.loads(body)["snapshot"] for (body,) in restores] == [second["id"]]


@pytest.mark.timeout(900)
def test_a_backup_killed_at_any_moment_leaves_no_half_snapshot(tmp_path: Path) -> None:
    data, folder = new_city(tmp_path / "city"), tmp_path / "backups"
    whole = taken(data, folder)
    with closing(sqlite3.connect(data / "state.db")) as db, db:
        db.execute("CREATE TABLE ballast AS SELECT randomblob(100000) AS x FROM core_ward LIMIT 300")
    for moment in (0.3, 0.5, 0.6, 0.7, 0.8, 1.0):
        process = subprocess.Popen(
            [*VONGLAU, "backup", str(folder), "--data", str(data)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        process.kill()
        process.wait(10)
        listed = vonglau("backup", "list", folder, "--json")
        assert listed.returncode == 0, listed.stderr
        assert whole["id"] in [one["id"] for one in json.loads(listed.stdout)["items"]]
    last = taken(data, folder)
    assert not any((folder / "tmp").iterdir()) if (folder / "tmp").exists() else True
    assert vonglau("backup", "verify", folder, "--quick").returncode == 0
    pruned = json.loads(ran("backup", "prune", folder, "--keep", "1", "--json").splitlines()[-1])
    assert whole["id"] in pruned["pruned"]
    assert [one["id"] for one in json.loads(ran("backup", "list", folder, "--json"))["items"]] == [last["id"]]
    assert vonglau("backup", "verify", folder).returncode == 0


def test_a_served_folder_holds_nothing_that_a_backup_does_not_know(tmp_path: Path) -> None:
    """Whoever adds a file to the data folder says in `backups/parts.py` what it is."""
    data = new_city(tmp_path / "city")
    with serving(data):
        time.sleep(1)
    assert taken(data, tmp_path / "backups")["left_out"] == []
