"""The disk of the data folder runs full while it is served: everybody is told, nothing is half, and room is all that it takes."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests import engines
from tests.disk import Disk, disk
from tests.faults.events import batch, log_of, post, stored
from tests.faults.people import PASSWORD, Person
from tests.serving import Serving, new_city, ran, serving, token, vonglau

SCOPES = "events:write,read,reports:write,incidents:write"
FULL_SECONDS = 6.0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    if engines.POSTGRESQL:
        pytest.skip("on PostgreSQL the data folder's disk holds neither log nor state")
    with disk(tmp_path) as made:
        if not made.mounted:
            pytest.skip("no right to mount a loop device here: run as root to run it")
        yield made


def test_a_full_disk(small: Disk, tmp_path: Path) -> None:
    data = new_city(small.path / "city")
    (small.path / "city.log").symlink_to(
        tmp_path / "words.log"
    )  # the server's words must not be on the disk that is full
    key = token(data, SCOPES)
    ran("user", "create", "truc.ban", "--role", "operator", "--data", data, stdin=PASSWORD + "\n")
    with serving(data) as server:
        acknowledged = _before(server, key)
        incident = _incident(server, key)
        small.fill()
        refused = _until_full(server, small, key, acknowledged)
        _who_writes_is_told(server, key, incident)
        _who_reads_is_served(server, key)
        time.sleep(FULL_SECONDS)
        small.room()
        server.wait_ready(60)
        status, _headers, said = post(server, key, refused)
        assert (status, said["accepted"]) == (202, len(refused)), (
            f"{said}: nothing of the refused request had been kept"
        )
        acknowledged += [event["id"] for event in refused]
        _who_was_refused_may(server, key, incident)
        _wait_for_the_fold(server)
        words = log_of(data)
    _said_once(words)
    times = stored(data)
    assert [id for id in acknowledged if times[id] != 1] == []
    assert set(times) == set(acknowledged), "what was refused was not kept"
    checked = vonglau("check", "--data", data)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _before(server: Serving, key: str) -> list[str]:
    ids = [f"before-{n}" for n in range(50)]
    assert post(server, key, batch(ids))[0] == 202
    return ids


def _report(server: Serving, key: str, name: str) -> tuple[int, dict[str, str], object]:
    form = {"service_code": "street_light", "lat": "16.06", "long": "108.22", "description": name}
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": name}
    return server.request("POST", "/open311/v2/requests.json", urlencode(form).encode(), key, kind)


def _incident(server: Serving, key: str) -> dict[str, object]:
    assert _report(server, key, "den tat 1")[0] in (200, 201)
    _status, _headers, said = server.request("GET", "/api/incidents?limit=1", None, key)
    found: dict[str, object] = said["items"][0]
    return found


def _step(server: Serving, key: str, incident: dict[str, object]) -> tuple[int, dict[str, str], object]:
    body = {"step": "verify", "version": incident["version"]}
    return server.request("POST", f"/api/incidents/{incident['ref']}/steps", body, key)


def _until_full(server: Serving, small: Disk, key: str, acknowledged: list[str]) -> list[dict[str, object]]:
    """Post until there is no room: what SQLite has laid out already is used up first. The request that was refused."""
    for number in range(400):
        ids = [f"full-{number}-{n}" for n in range(2_000)]
        events = batch(ids)
        status, headers, said = post(server, key, events)
        if status == 202:
            acknowledged += ids
            small.fill()
            continue
        assert status == 507, said
        assert headers["content-type"].startswith("application/problem+json")
        assert int(headers["retry-after"]) > 0
        assert said["title"] == "Storage full"
        assert "Free space" in said["detail"]
        return events
    raise AssertionError("the disk never ran full")


def _who_writes_is_told(server: Serving, key: str, incident: dict[str, object]) -> None:
    """The state has room of its own laid out too: work until it is used up."""
    told: Counter[int] = Counter()
    for number in range(200):
        status, headers, said = _report(server, key, f"day {number}")
        told[status] += 1
        assert status in (200, 201, 503, 507), said
        if status in (503, 507):
            assert int(headers["retry-after"]) > 0
            assert "Traceback" not in str(said)
            break
    assert told[507] + told[503] == 1, told
    status, _headers, said = _step(server, key, incident)
    assert status in (503, 507), said
    person = Person(server.url)
    status, page = person.sign_in("truc.ban")
    assert status in (503, 507), page
    assert "CHƯA được lưu" in page
    assert "NOT saved" in page
    status, _headers, said = server.request("GET", "/readyz")
    assert status == 503
    assert not said["checks"]["door"]["ok"]
    assert "room" in said["checks"]["door"]["why"]


def _who_reads_is_served(server: Serving, key: str) -> None:
    assert server.request("GET", "/api/incidents?limit=1", None, key)[0] == 200
    assert server.request("GET", "/accounts/login/")[0] == 200
    assert server.request("GET", "/healthz")[0] == 200


def _who_was_refused_may(server: Serving, key: str, incident: dict[str, object]) -> None:
    assert _step(server, key, incident)[0] == 200
    status, page = Person(server.url).sign_in("truc.ban")
    assert status == 200, page
    assert _report(server, key, "den sang lai")[0] in (200, 201)


def _wait_for_the_fold(server: Serving) -> None:
    """The detectors go on by themselves."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        _status, _headers, figures = server.request("GET", "/metrics")
        lag = [line for line in figures.decode().splitlines() if line.startswith("vonglau_detector_lag_events")]
        if lag and all(line.endswith((" 0", " 0.0")) for line in lag):
            return
        time.sleep(0.2)
    raise AssertionError("the fold did not go on")


def _said_once(words: str) -> None:
    assert "Traceback" not in words, words[-6000:]
    repeated = Counter(line.split('"message"')[-1] for line in words.splitlines() if '"message"' in line)
    assert max(repeated.values(), default=0) <= 3, repeated.most_common(5)
    assert len(words.splitlines()) < 60, words[-6000:]
