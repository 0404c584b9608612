"""`check` finds what was done to the files behind the program's back, says where, and ends with 1."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests import engines
from tests.serving import new_city, serving, token, vonglau


def examined(data: Path) -> tuple[int, dict[str, Any]]:
    done = vonglau("check", "--data", data, "--json")
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city in which a little has happened: reports, an incident with a photo, a checkpoint, quarantine."""
    data = new_city(tmp_path_factory.mktemp("check") / "city")
    citizen, key = token(data, "reports:write"), token(data, "events:write,quarantine:write")
    with serving(data) as server:
        code = server.request("GET", "/open311/v2/services.json")[2][0]["service_code"]
        for n in range(3):
            body = f"service_code={code}&lat=16.06{n}&long=108.22&description=test".encode()
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            assert server.request("POST", "/open311/v2/requests.json", body, citizen, form)[0] in (200, 201)
        events = [{"specversion": "1.0", "id": str(n), "source": "/t", "type": "t", "data": {}} for n in range(20)]
        batch = {"Content-Type": "application/cloudevents-batch+json"}
        assert server.request("POST", "/api/events", [*events, {"no": "event"}], key, batch)[0] == 202
        folded = 0.0
        while folded < 20:
            time.sleep(0.1)
            figures = server.request("GET", "/metrics")[2].decode()
            folded = float(re.findall(r"^vonglau_detector_events_total (\S+)", figures, re.MULTILINE)[0])
    return data


@pytest.fixture
def city(whole: Path, tmp_path: Path) -> Path:
    return engines.copied(whole, tmp_path / "city")


def test_what_nobody_touched_is_whole(city: Path) -> None:
    code, body = examined(city)
    assert (code, body["ok"], body["findings"]) == (0, True, [])
    assert body["counts"]["incident"] == 3
    assert body["counts"]["events"] >= 20
    assert body["counts"]["quarantine"] == 1


IN_STATE = {
    "audit-streams": "UPDATE core_auditrow SET hash = prev WHERE n = 1",
    "audit-checkpoints": "UPDATE core_checkpoint SET root = hash WHERE n = 1",
    "incident-states": "UPDATE core_incident SET state = 'verified' WHERE id = 1",
    "incident-keepers": "UPDATE core_incident SET keeper_id = 2 WHERE id = 1",
    "incident-clocks": "UPDATE core_incident SET due_at = '2020-01-01 00:00:00' WHERE id = 3",
    "worlds": "UPDATE core_incident SET world = 'nowhere' WHERE id = 2",
    "state-references": "UPDATE core_incident SET agency_id = 999 WHERE id = 3",
    "log-readers": "UPDATE core_cursor SET position = 1000000",
}
IN_LOG = {
    "log-positions": "DELETE FROM event WHERE source = '/t' AND id = '15'",
    "log-identities": "UPDATE event SET source = '/t', id = '1' WHERE source = '/t' AND id = '2'",
    "log-quarantine": "UPDATE quarantine SET state = 'resubmitted'",
}


def test_what_was_tampered_with_is_found_by_name(city: Path) -> None:
    for room, statements in (("state", IN_STATE), ("log", IN_LOG)):
        touched = engines.change(city, room, statements.values())
        assert min(touched) > 0, f"nothing to tamper with: {dict(zip(statements, touched, strict=True))}"
    code, body = examined(city)
    found = {finding["check"]: finding for finding in body["findings"]}
    assert code == 1
    assert not body["ok"]
    assert (IN_STATE | IN_LOG).keys() <= found.keys()
    for finding in found.values():
        assert finding["examples"]
        assert finding["do"]


def test_removing_the_end_of_a_stream_shows_by_its_checkpoint(city: Path) -> None:
    """Row and head together: only the checkpoint, and its exported copy, still know."""
    streams = [
        "DELETE FROM core_auditrow WHERE stream = (SELECT max(stream) FROM core_audithead WHERE checkpointed)",
        "DELETE FROM core_audithead WHERE stream = (SELECT max(stream) FROM core_audithead WHERE checkpointed)",
    ]
    assert min(engines.change(city, "state", streams)) > 0
    code, body = examined(city)
    assert code == 1
    assert any("that is gone" in example for finding in body["findings"] for example in finding["examples"])


def test_a_damaged_file_is_told_apart_from_a_wrong_one(city: Path) -> None:
    if engines.POSTGRESQL:  # its pages are the server's: what it says of them is passed on
        index = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'core_incident_pkey'::regclass"
        assert engines.change(city, "state", [index]) == [1]
    else:
        path = city / "state.db"
        raw = bytearray(path.read_bytes())
        middle = len(raw) // 2
        raw[middle : middle + 8192] = b"\xff" * 8192
        path.write_bytes(raw)
    done = vonglau("check", "--data", city)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr


def test_it_runs_beside_a_busy_server(city: Path) -> None:
    key = token(city, "events:write")
    with serving(city) as server:
        batch = {"Content-Type": "application/cloudevents-batch+json"}
        for round_ in range(3):
            events = [{"specversion": "1.0", "id": f"{round_}-{n}", "source": "/b", "type": "t"} for n in range(500)]
            assert server.request("POST", "/api/events", events, key, batch)[0] == 202
            code, body = examined(city)
            assert (code, body["findings"]) == (0, [])


def test_every_check_says_how_to_find_and_what_to_do(city: Path) -> None:
    done: subprocess.CompletedProcess[str] = vonglau("check", "--list", "--json", "--data", city)
    rows = json.loads(done.stdout)["items"]
    assert (IN_STATE | IN_LOG).keys() <= {row["name"] for row in rows}
    for row in rows:
        assert all(row.values()), row
