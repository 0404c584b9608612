"""PostgreSQL is killed under load and comes back: whoever asks is told in words, nobody is started again by hand, nothing is lost."""

import time
from collections import Counter
from pathlib import Path

from tests.faults.clusters import Cluster
from tests.faults.events import batch, log_of, post, stored
from tests.faults.people import PASSWORD, Person
from tests.faults.test_kill import Load
from tests.serving import Serving, ran, serving, token, until_folded, vonglau

AWAY_SECONDS = 6.0


def test_postgresql_is_killed_and_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    data = cluster.city(tmp_path / "city")
    key = token(data)
    ran("user", "create", "truc.ban", "--role", "operator", "--data", data, stdin=PASSWORD + "\n")
    with serving(data) as server:
        person = Person(server.url)
        assert person.sign_in("truc.ban")[0] == 200
        senders = [Load(server, key, number) for number in range(2)]
        for sender in senders:
            sender.start()
        _until_acknowledged(senders, 100)
        front = _processes(server, "door", "web")
        cluster.kill()
        try:
            _who_sends_is_told(server, key)
            _who_looks_is_told(server, key, person)
            time.sleep(AWAY_SECONDS)
        finally:
            cluster.start()
        server.wait_ready(90)
        _until_acknowledged(senders, 100)
        for sender in senders:
            sender.ended.set()
        for sender in senders:
            sender.join(60)
        assert person.ask("/")[0] == 200
        assert _processes(server, "door", "web") == front, "nobody but the worker begins anew"
        until_folded(server)
        words = log_of(data)
    _said_once(words)
    acknowledged = [id for sender in senders for id in sender.acknowledged]
    times = stored(data)
    assert [id for id in acknowledged if times[id] != 1] == []
    assert [id for id, number in times.items() if number > 1] == []
    checked = vonglau("check", "--data", data)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _until_acknowledged(senders: list[Load], more: int) -> None:
    """Each of them, so many more than now."""
    goals = [(sender, len(sender.acknowledged) + more) for sender in senders]
    until = time.monotonic() + 90
    while any(len(sender.acknowledged) < goal for sender, goal in goals):
        assert all(sender.is_alive() for sender in senders)
        assert time.monotonic() < until, "nothing is taken"
        time.sleep(0.05)


def _processes(server: Serving, *kinds: str) -> dict[int, str]:
    found = {}
    for pid in server.children():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        kind = next((kind for kind in kinds if kind.encode() in words), "")
        if kind and b"vonglau.web.run" in words:
            found[pid] = kind
    return found


def _who_sends_is_told(server: Serving, key: str) -> None:
    for number in range(3):
        status, headers, said = post(server, key, batch([f"away-{number}"]))
        assert status == 503, said
        assert int(headers["retry-after"]) > 0
        assert "database" in said["detail"]
    status, _headers, said = post(server, "vl_nobody", batch(["away"]))
    assert status == 503, f"{said}: nobody can tell whether the token is good"


def _who_looks_is_told(server: Serving, key: str, person: Person) -> None:
    status, _headers, said = server.request("GET", "/readyz")
    assert status == 503
    assert "database" in said["checks"]["door"]["why"]
    assert "database" in said["checks"]["worker"]["why"]
    for path in ("/", "/incidents/", "/accounts/login/"):
        status, page = person.ask(path)
        assert status == 503, page
        assert "chưa trả lời" in page
        assert "Traceback" not in page
    for path in ("/api/incidents?limit=1", "/metrics", "/api/stream"):
        status, headers, said = server.request("GET", path, None, key)
        assert status == 503, (path, said)
        assert int(headers["retry-after"]) > 0
        assert "database" in said["detail"], path
    assert server.request("GET", "/healthz")[0] == 200


def _said_once(words: str) -> None:
    assert "Traceback" not in words, words[-6000:]
    repeated = Counter(line.split('"message"')[-1] for line in words.splitlines() if '"message"' in line)
    assert max(repeated.values(), default=0) <= 5, repeated.most_common(5)
    assert len(words.splitlines()) < 80, words[-6000:]
