"""What a restore may be asked for beyond "the newest": another time, newer events than the rest; and snapshots that go on by themselves.

On both engines, with the real commands: a city whose log and whose people went on after its first snapshot.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests import engines
from tests.serving import VONGLAU, environment, new_city, ran, serving, token, vonglau
from vonglau.engines import open_reader

pytestmark = pytest.mark.timeout(900)

HANOI = timezone(timedelta(hours=7))


def last(text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return body


def events(data: Path) -> list[str]:
    """Those that were sent; a served city's log holds its own clock's too."""
    reader = open_reader(data)
    try:
        return sorted(one.event.id for one in reader.read(0, 1_000)[0] if one.event.source == "/test")
    finally:
        reader.close()


def people(data: Path) -> list[str]:
    listed = last(ran("user", "list", "--data", data, "--json"))
    return sorted(one["username"] for one in listed["items"])


def event(name: str) -> dict[str, str]:
    return {"specversion": "1.0", "id": name, "source": "/test", "type": "x.test", "time": "2026-11-20T00:00:00Z"}


@dataclass(frozen=True)
class Story:
    backups: Path
    early: dict[str, Any]
    """The first snapshot: one event, one person."""
    late: dict[str, Any]
    """The second: one more of each."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    data, backups, taken = new_city(folder / "city"), folder / "backups", []
    with serving(data) as server:
        key = token(data)
        for name in ("early", "late"):
            ran("user", "create", name, "--role", "operator", "--data", data, stdin="mot-mat-khau-du-dai\n")
            assert server.request("POST", "/api/events", event(name), key)[0] == 202
            taken.append(last(ran("backup", backups, "--data", data, "--json")))
    return Story(backups, *taken)


def restored(story: Story, target: Path, *options: str) -> dict[str, Any]:
    """What the restore says of itself; and a check of the place that it left, by the command, finds nothing."""
    said = last(ran("restore", story.backups, target, *options, "--json"))
    assert last(ran("check", "--data", target, "--json"))["findings"] == []
    return said


def test_at_a_time_it_is_the_city_of_that_time(story: Story, tmp_path: Path) -> None:
    moment = datetime.fromisoformat(story.early["state_at"])
    between = moment + (datetime.fromisoformat(story.late["state_at"]) - moment) / 2
    # A zone counts, and without one it is UTC: both name one moment.
    for n, written in enumerate((between.astimezone(HANOI).isoformat(), between.replace(tzinfo=None).isoformat())):
        target = tmp_path / f"then{n}"
        said = restored(story, target, "--at", written)
        assert said["snapshot"] == said["events_of"] == story.early["id"]
        assert events(target) == ["early"]
        assert people(target) == ["early"]


def test_the_moment_of_a_snapshot_is_its_own(story: Story, tmp_path: Path) -> None:
    assert restored(story, tmp_path / "own", "--at", story.early["state_at"])["snapshot"] == story.early["id"]


@pytest.mark.parametrize(
    ("when", "says"), [("2020-01-01", "no snapshot as old as"), ("last tuesday", "is no time"), ("", "is no time")]
)
def test_a_time_that_cannot_be_had_leaves_nothing_behind(story: Story, tmp_path: Path, when: str, says: str) -> None:
    done = vonglau("restore", story.backups, tmp_path / "never", "--at", when)
    assert done.returncode == 2
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def test_events_may_be_newer_than_what_people_did(story: Story, tmp_path: Path) -> None:
    target = tmp_path / "mixed"
    said = restored(story, target, "--at", story.early["state_at"], "--events", "newest")
    assert (said["snapshot"], said["events_of"]) == (story.early["id"], story.late["id"])
    assert events(target) == ["early", "late"]
    assert people(target) == ["early"]
    assert said["reconciled"]["folded"] >= 1, "what came after the state was not folded again"
    with serving(target) as server:  # and it goes on: what is sent again is stored once, what is new is stored
        key = token(target, name="again")
        answers = [server.request("POST", "/api/events", event(name), key)[2] for name in ("late", "new")]
        assert [(one["accepted"], one["duplicates"]) for one in answers] == [(0, 1), (1, 0)]
    assert events(target) == ["early", "late", "new"]


def test_nothing_is_restored_over_a_city(story: Story, tmp_path: Path) -> None:
    restored(story, target := tmp_path / "once")
    before = people(target)
    done = vonglau("restore", story.backups, target)
    assert done.returncode == 2
    assert "nothing is ever restored over something" in done.stderr
    assert people(target) == before


def test_verify_tries_the_restore_in_scratch_and_leaves_none(story: Story, tmp_path: Path) -> None:
    empty = environment(tmp_path / "scratch")
    for _again in range(2):
        done = subprocess.run(
            [*VONGLAU, "backup", "verify", str(story.backups), "--json"],
            capture_output=True,
            text=True,
            env=empty,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert last(done.stdout)["tried"] == story.late["id"]
    if not engines.POSTGRESQL:
        return
    done = vonglau("backup", "verify", story.backups)
    assert done.returncode == 2, "no database was named, and that is no damage"
    assert "VONGLAU_DATABASE" in done.stderr
    assert "BROKEN" not in done.stdout


@contextmanager
def going_on(data: Path, backups: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*VONGLAU, "backup", str(backups), "--data", str(data), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(data),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def snapshots(backups: Path) -> list[str]:
    return sorted(path.name for path in (backups / "snapshots").glob("*"))


def until(what: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)


def test_every_few_minutes_goes_on_through_a_failure_until_it_is_stopped(tmp_path: Path) -> None:
    data, backups, aside = new_city(tmp_path / "city"), tmp_path / "backups", tmp_path / "aside"
    record = data / "run" / "backup.json"
    with going_on(data, backups, "--every", "0.1", "--keep", "2", "--json") as process:
        until(lambda: record.exists() and json.loads(record.read_text())["ok"])
        shutil.move(backups, aside)
        backups.write_text("the disk is not mounted\n")
        until(lambda: not json.loads(record.read_text())["ok"])
        backups.unlink()
        shutil.move(aside, backups)
        first = snapshots(backups)
        until(lambda: json.loads(record.read_text())["ok"])
        until(lambda: len(snapshots(backups)) == 2 and not set(first) & set(snapshots(backups)))
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    said = [json.loads(line) for line in out.splitlines()]
    assert [one["ok"] for one in said].count(True) >= 3
    assert "No snapshot:" in next(one["said"] for one in said if not one["ok"])
    assert len(snapshots(backups)) == 2, "--keep 2"
    assert not any((backups / "tmp").glob("*")), "it was stopped, not torn off"
    ran("backup", "verify", backups, "--quick")
