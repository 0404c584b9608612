"""Commands as a script meets them: exit codes, one JSON object on the last line, advice instead of tracebacks."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import Serving, environment, new_city, ran, serving, token, vonglau


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_city(tmp_path_factory.mktemp("commands") / "city")


def last(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(text.strip().splitlines()[-1])
    return found


def test_init_can_be_repeated_and_keeps_what_is_there(city: Path) -> None:
    key = token(city)
    body = last(ran("init", "--data", city, "--json"))
    assert body["places"] == {
        "Locality": 99,
        "LocalitySuccession": 65,
        "Ward": 3331,
        "WardBorder": 3321,
        "LocalityBorder": 34,
    }
    assert body["worlds"] == ["live"]
    assert any(row["name"] == "test" for row in last(ran("token", "list", "--data", city, "--json"))["items"])  # type: ignore[attr-defined]
    assert key.startswith("vl_")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["init", "--locality", "99"], "province code"),
        (["token", "create", "x", "--scope", "all"], "events:write"),
        (["token", "create", "", "--scope", "read"], "name"),
        (["token", "create", "x", "--scope", "read", "--world", "No Such"], "small letters"),
        (["token", "revoke", "999"], "token list"),
        (["user", "create", "ai", "--role", "king"], "operator"),
        (["user", "create", "ai", "--role", "agency"], "--agency"),
        (["user", "create", "ai", "--role", "operator"], "12"),
        (["user", "deactivate", "nobody"], "user list"),
        (["check", "--nonsense"], "--nonsense"),
        (["serve", "--host", "192.0.2.1", "--port", "1"], "--host"),
    ],
)
def test_bad_input_ends_with_2_and_advice(city: Path, arguments: list[str], says: str) -> None:
    done = vonglau(*arguments, "--data", city, stdin="ngắn\n")
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_used_stops_the_start(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import serving as harness

    plain = harness.environment(city)
    monkeypatch.setattr(harness, "environment", lambda data: {**plain, "VONGLAU_STREAMS": "many"})
    done = vonglau("check", "--data", city)
    assert done.returncode == 2
    assert "VONGLAU_STREAMS" in done.stderr
    assert "whole number" in done.stderr
    assert "Traceback" not in done.stderr


def test_accounts_are_made_listed_and_closed(city: Path) -> None:
    body = last(
        ran("user", "create", "truc", "--role", "operator", "--data", city, "--json", stdin="một câu dài dễ nhớ\n")
    )
    assert body["username"] == "truc"
    assert vonglau("user", "create", "truc", "--role", "leader", "--data", city, stdin="x\n").returncode == 2
    ran("user", "deactivate", "truc", "--data", city)
    rows = last(ran("user", "list", "--data", city, "--json"))["items"]
    assert [(row["username"], row["active"]) for row in rows] == [("truc", False)]  # type: ignore[attr-defined]
    assert last(ran("check", "--data", city, "--json"))["ok"] is True


def write(path: Path, count: int, *, packed: bool = False) -> Path:
    lines = [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"{path.stem}-{n}",
                "source": "/replay",
                "type": "test.thing",
                "time": f"2026-11-20T00:{n // 60 % 60:02d}:{n % 60:02d}Z",
                "data": {"n": n},
            }
        )
        for n in range(count)
    ]
    data = ("\n".join([*lines, "", "  ", "this is no event"]) + "\n").encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


@pytest.fixture(scope="module")
def server(city: Path) -> "Serving":  # type: ignore[misc]
    with serving(city) as running:
        yield running


def test_replay_counts_honestly_and_can_be_repeated(city: Path, server: Serving, tmp_path: Path) -> None:
    key = token(city)
    files = [write(tmp_path / "a.jsonl", 2_300), write(tmp_path / "b.jsonl.gz", 150, packed=True)]
    first = last(ran("replay", *files, "--to", server.url, "--token", key, "--json"))
    assert {
        name: first[name] for name in ("sent", "accepted", "duplicates", "quarantined", "failed", "unreadable")
    } == {
        "sent": 2_452,
        "accepted": 2_450,
        "duplicates": 0,
        "quarantined": 2,
        "failed": 0,
        "unreadable": 2,
    }
    again = last(ran("replay", *files, "--to", server.url, "--token", key, "--json"))
    assert (again["accepted"], again["duplicates"]) == (0, 2_450)


def test_replay_at_a_speed_takes_its_time_and_shifts_nothing(city: Path, server: Serving, tmp_path: Path) -> None:
    key = token(city)
    slow = last(
        ran("replay", write(tmp_path / "slow.jsonl", 61), "--to", server.url, "--token", key, "--speed", "60", "--json")
    )
    assert slow["accepted"] == 61
    assert float(str(slow["seconds"])) >= 0.9
    found = server.request("GET", "/api/events?type=test.thing&limit=200", token=key)[2]["items"]
    assert all(item["time"].startswith("2026-11-20T00:") for item in found)


def test_replay_into_a_world_of_its_own(city: Path, server: Serving, tmp_path: Path) -> None:
    key = token(city, "events:write,read", world="thu")
    sent = last(
        ran("replay", write(tmp_path / "w.jsonl", 10), "--to", server.url, "--token", key, "--world", "thu", "--json")
    )
    assert (sent["accepted"], sent["quarantined"]) == (10, 1)
    assert len(server.request("GET", "/api/events?world=thu&type=test.thing", token=key)[2]["items"]) == 10


def test_replay_stops_where_nothing_can_come_of_it(city: Path, server: Serving, tmp_path: Path) -> None:
    file = write(tmp_path / "x.jsonl", 3)
    refused = vonglau("replay", file, "--to", server.url, "--token", "vl_wrong")
    assert refused.returncode == 2
    assert "401" in refused.stderr
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b"{}\n" * 1000)[:50])
    assert vonglau("replay", broken, "--to", server.url, "--token", "x").returncode == 2
    assert vonglau("replay", file, "--to", "ftp://x", "--token", "x").returncode == 2
    assert vonglau("replay", file, "--to", server.url, "--token", "x", "--speed", "fast").returncode == 2


def test_detect_writes_what_live_would_say(tmp_path: Path) -> None:
    rows = [
        f"2026-01-{1 + n // 288:02d} {n // 12 % 24:02d}:{n % 12 * 5:02d}:00,{3 if 2600 <= n < 2620 else 50 + n % 3}"
        for n in range(2880)
    ]
    source = tmp_path / "speed_1.csv"
    source.write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    body = last(ran("detect", "traffic", source, "--out", tmp_path / "alerts.jsonl", "--json"))
    alerts = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert body["alerts"] == len(alerts) == 1
    assert alerts[0]["onset"].startswith("2026-01-10T00:40")
    bad = tmp_path / "speed_2.csv"
    bad.write_text("when,what\n1,2\n")
    done = vonglau("detect", "traffic", bad, "--out", tmp_path / "x")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_bench_lists_what_can_be_measured() -> None:
    names = last(ran("bench", "list", "--json"))["items"]
    assert "stream" in names  # type: ignore[operator]
    assert vonglau("bench", "nothing").returncode == 2


def test_a_stopped_detector_is_listed_resumed_and_its_event_skipped(tmp_path: Path) -> None:
    city = new_city(
        tmp_path / "city"
    )  # not the served one: its worker would take the stop away as soon as it has caught up
    done = vonglau("detector", "list", "--data", city, "--json")
    assert done.returncode == 0, done.stderr
    assert {row["detector"] for row in last(done.stdout)["items"]} >= {"traffic.anomaly", "traffic.silence"}  # type: ignore[attr-defined]
    for arguments in (["resume", "traffic.anomaly"], ["skip", "traffic.anomaly", "--position", "3"]):
        none = vonglau("detector", *arguments, "--data", city)
        assert none.returncode == 2
        assert "detector list" in none.stderr
    stop = (
        "from django.utils import timezone; from vonglau.core.models import DetectorStop; "
        "DetectorStop.objects.create(detector='traffic.anomaly', version=2, world='live', position=2, first=3, last=3, "
        "reason='too_long', error='FoldTooLong', since=timezone.now())"
    )
    code = f"import django; django.setup(); {stop}"
    env = {**environment(), "VONGLAU_DATA": str(city), "DJANGO_SETTINGS_MODULE": "vonglau.web.settings"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    listed = vonglau("detector", "list", "--data", city)
    assert listed.returncode == 1
    assert "STOPPED in live behind 2: FoldTooLong" in listed.stdout
    assert last(ran("detector", "skip", "traffic.anomaly", "--position", "3", "--data", city, "--json"))["skipped"] == 3
    assert last(ran("detector", "resume", "traffic.anomaly", "--data", city, "--json"))["retry_at"]


def test_an_interval_is_exported_and_replayed_with_and_without_a_server(tmp_path: Path) -> None:
    city = new_city(tmp_path / "own")
    out = tmp_path / "out.parquet"
    asked = ["--from", "2026-11-20T07:00", "--to", "2026-11-20T08:00Z", "--data", city]
    none = vonglau("recording", "export", out, *asked)
    assert none.returncode == 2
    assert "Nothing happened" in none.stderr
    lines = [
        {
            "specversion": "1.0",
            "id": f"x{n}",
            "source": "/rec",
            "type": "test.seen",
            "time": f"2026-11-20T00:{n:02d}:00Z",
        }
        for n in range(20)
    ]
    source = tmp_path / "source.jsonl"
    source.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with serving(city) as server:
        sent = last(ran("replay", source, "--data", city, "--to", server.url, "--world", "first", "--json"))
        assert (sent["accepted"], sent["failed"]) == (20, 0)
        said = last(ran("recording", "export", out, *asked, "--world", "first", "--json"))
        assert said["events"] == 20
        assert said["ticks"]
        through = last(ran("replay", out, "--data", city, "--to", server.url, "--world", "second", "--json"))
        whole = said["events"] + said["ticks"]  # type: ignore[operator]
        # Not `accepted` alone: an answer that a loaded machine gives too late makes the sender ask again, and hear "duplicates".
        assert through["accepted"] + through["duplicates"] == whole, through  # type: ignore[operator]
        wrong = vonglau("replay", out, "--to", server.url, "--token", "vl_x", "--world", "third")
        assert wrong.returncode == 2
        assert "--data" in wrong.stderr
    straight = last(ran("replay", out, "--data", city, "--world", "third", "--json"))
    assert straight["accepted"] == whole
    assert last(ran("replay", out, "--data", city, "--world", "third", "--json"))["duplicates"] == whole
    assert "Whole" in ran("recording", "show", out)
    ran("check", "--data", city)
