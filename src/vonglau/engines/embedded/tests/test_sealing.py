"""Sealing survives being cut off at any step. What a sealed file holds: test_sealed_file.py."""

import os
import threading

import numpy as np
import pytest

from vonglau.core.errors import Broken, StorageFull, Unavailable
from vonglau.core.log import Outcome
from vonglau.engines.embedded import sealing
from vonglau.engines.embedded.log import open_reader, open_writer
from vonglau.engines.embedded.tests.helpers import NOW_US, event, events, outcomes
from vonglau.engines.history import pairs, reading, writing
from vonglau.engines.history import sealing as order
from vonglau.engines.identities import Hasher

ROWS = 60


class PowerCut(BaseException):
    """Not an Exception: nothing in the code may handle it."""


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(sealing, "_SLICE", 7)
    monkeypatch.setattr(sealing, "_PAUSE_S", 0)
    monkeypatch.setattr(order, "FILE_ROWS", 25)
    monkeypatch.setattr(reading, "GROUP_ROWS", 10)
    monkeypatch.setattr(writing, "GROUP_ROWS", 10)


def abandon(log):
    """As a killed process leaves things: no closing, only the lock is gone."""
    os.close(log._held)
    log._held = -1


def check_whole(log):
    assert [one.event for one in log.read(0, 1000)[0]] == events(0, ROWS)
    assert log.batch(0, 1000).id == [f"e{n}" for n in range(ROWS)]
    assert log.batch(0, 1000).pos.tolist() == list(range(1, ROWS + 1))
    assert log.head() == ROWS


STEPS = [
    (module, name, when, call)
    for module, name, calls in [
        (writing, "_write_groups", 2),
        (writing, "_synced_digest", 2),
        (writing, "_sync", 2),
        (sealing, "write_file", 2),
        (sealing, "remember", 2),
        (sealing, "find_pairs", 2),
        (pairs, "write", 2),
        (sealing, "record", 2),
        (sealing, "delete", 2),
        (sealing, "_delete_slice", 5),
        (sealing, "forget", 1),
    ]
    for when in ("before", "after")
    for call in range(1, calls + 1)
]


@pytest.mark.parametrize(("module", "name", "when", "call"), STEPS)
def test_a_power_cut_at_any_step_loses_and_doubles_nothing(tmp_path, monkeypatch, module, name, when, call):
    log = open_writer(
        tmp_path, horizon_us=-(10**15)
    )  # everything sealed is beyond the horizon, so that `forget` works too
    log.append(events(0, ROWS))
    real, calls = getattr(module, name), 0

    def cut(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == call and when == "before":
            raise PowerCut
        result = real(*args, **kwargs)
        if calls == call:
            raise PowerCut
        return result

    with monkeypatch.context() as patch:
        patch.setattr(module, name, cut)
        with pytest.raises(PowerCut):
            log.seal(keep=10, through=1000)
    reader = open_reader(tmp_path)
    check_whole(reader)
    reader.close()
    abandon(log)

    log = open_writer(tmp_path)
    check_whole(log)
    named = {row[0] for row in log.db.execute("SELECT name FROM sealed")}
    found = {path.name for path in (tmp_path / "sealed").iterdir()}
    assert {name for name in found if name.endswith(".parquet")} == named
    assert {name.removesuffix(pairs.SUFFIX) for name in found} == named
    assert log.seal(keep=10, through=1000) + log.db.execute("SELECT sum(rows) FROM sealed").fetchone()[0] >= 50
    check_whole(log)
    assert log.db.execute("SELECT count(*), min(pos) FROM event").fetchone() == (10, 51)
    assert log.append(events(50, ROWS + 1))[-1].pos == ROWS + 1
    log.close()


@pytest.mark.parametrize("cut_at", ["remember", "record", "delete"])
def test_identities_are_known_whatever_step_was_cut(tmp_path, monkeypatch, cut_at):
    log = open_writer(tmp_path)
    log.append(events(0, ROWS))

    def cut(*_):
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(sealing, cut_at, cut)
        with pytest.raises(PowerCut):
            log.seal(keep=0, through=1000)
    assert outcomes(log.append(events(0, ROWS))) == [Outcome.DUPLICATE] * ROWS
    abandon(log)
    log = open_writer(tmp_path)
    assert outcomes(log.append(events(0, ROWS))) == [Outcome.DUPLICATE] * ROWS
    log.seal(keep=0, through=1000)
    assert outcomes(log.append(events(0, ROWS))) == [Outcome.DUPLICATE] * ROWS
    log.close()


def test_a_full_disk_while_sealing_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    log = open_writer(tmp_path)
    log.append(events(0, ROWS))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "_synced_digest", full)
        with pytest.raises(StorageFull):
            log.seal(keep=0, through=1000)
    assert list((tmp_path / "sealed").iterdir()) == []
    check_whole(log)
    assert log.seal(keep=0, through=1000) == ROWS
    check_whole(log)
    log.close()


def test_a_large_file_is_written_by_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(sealing, "_OWN_PROCESS_ROWS", 1)
    monkeypatch.setattr(order, "FILE_ROWS", 100)
    monkeypatch.setattr(reading, "GROUP_ROWS", 50_000)  # the other process knows nothing of the small groups
    log = open_writer(tmp_path)
    log.append(events(0, ROWS))
    assert log.seal(keep=5, through=1000) == ROWS - 5
    check_whole(log)
    log.close()


def test_closing_gives_up_a_sealing_in_another_thread(tmp_path, monkeypatch):
    monkeypatch.setattr(sealing, "_OWN_PROCESS_ROWS", 1)
    log = open_writer(tmp_path)
    log.append(events(0, ROWS))
    started, errors = threading.Event(), []
    real = sealing.write_file

    def write_file(*args):
        started.set()
        return real(*args)

    def seal():
        try:
            log.seal(keep=0, through=1000)
        except Unavailable as error:
            errors.append(error)

    monkeypatch.setattr(sealing, "write_file", write_file)
    thread = threading.Thread(target=seal)
    thread.start()
    started.wait(30)
    log.close()
    thread.join(30)
    assert len(errors) == 1
    log = open_writer(tmp_path)
    check_whole(log)
    assert [path.name for path in (tmp_path / "sealed").iterdir()] == []
    log.close()


@pytest.mark.parametrize("step", ["remember", "delete", "forget"])
def test_closing_is_noticed_between_slices(tmp_path, monkeypatch, step):
    log = open_writer(tmp_path, horizon_us=-(10**15))
    log.append(events(0, ROWS))
    real = getattr(sealing, step)

    def closing(*args):
        log.closing = True
        return real(*args)

    monkeypatch.setattr(sealing, step, closing)
    with pytest.raises(Unavailable, match="being closed"):
        log.seal(keep=0, through=1000)
    log.close()
    log = open_writer(tmp_path)
    check_whole(log)
    log.close()


def test_the_other_process_says_why_it_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(sealing, "_OWN_PROCESS_ROWS", 1)
    log = open_writer(tmp_path)
    log.append(events(0, 5))
    log.db.execute("DELETE FROM event WHERE pos = 3")
    with pytest.raises(Unavailable, match="vonglau check"):
        log.seal(keep=0, through=1000)
    log.close()


def test_a_gap_in_the_tail_is_not_sealed_over(tmp_path):
    log = open_writer(tmp_path)
    log.append(events(0, 5))
    log.db.execute("DELETE FROM event WHERE pos = 3")
    with pytest.raises(Broken, match="vonglau check"):
        log.seal(keep=0, through=1000)
    log.close()


def test_a_sealed_file_that_is_gone_or_damaged_is_named(tmp_path):
    log = open_writer(tmp_path)
    log.append(events(0, 20))
    log.seal(keep=0, through=1000)
    (path,) = (tmp_path / "sealed").glob("*.parquet")
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(Broken, match=path.name):
        log.read(0, 10)
    path.unlink()
    with pytest.raises(Broken, match=path.name):
        log.batch(0, 10)
    log.close()


class TestHorizon:
    def test_identities_are_forgotten_by_log_time_and_no_earlier(self, tmp_path):
        log = open_writer(tmp_path, horizon_us=3_600_000_000)
        log.append(events(0, 20))
        log.seal(keep=0, through=1000)
        assert outcomes(log.append(events(0, 20))) == [Outcome.DUPLICATE] * 20
        log._clock_us += 3_700_000_000  # an hour and more passes
        log.append([event(20)])
        log.seal(keep=1, through=1000)
        assert log.db.execute("SELECT count(*) FROM identity").fetchone()[0] == 0
        assert outcomes(log.append([event(20), event(3)])) == [Outcome.DUPLICATE, Outcome.ACCEPTED]
        assert log.twins.remembered == set()
        log.close()

    def test_only_the_old_file_is_forgotten(self, tmp_path):
        log = open_writer(tmp_path, horizon_us=3_600_000_000)
        log.append(events(0, 10))
        log.seal(keep=0, through=1000)
        log._clock_us += 3_700_000_000
        log.append([*events(10, 19), event(19, time_us=NOW_US)])
        log.seal(keep=0, through=1000)
        known = [row[0] for row in log.db.execute("SELECT pos FROM identity ORDER BY pos")]
        assert known == list(range(11, 21))
        log.close()

    def test_an_assumed_time_is_compared_by_content_after_sealing(self, tmp_path):
        log = open_writer(tmp_path)
        assumed = event(0, extensions={"time_assumed": True})
        log.append([assumed])
        log.seal(keep=0, through=1000)
        later = event(0, time_us=NOW_US + 1_000, extensions={"time_assumed": True})
        assert outcomes(log.append([later])) == [Outcome.DUPLICATE]
        other = event(0, time_us=NOW_US + 1_000, data=b"1", extensions={"time_assumed": True})
        assert outcomes(log.append([other])) == [Outcome.QUARANTINED]
        assert outcomes(log.append([event(0, time_us=NOW_US + 1_000)])) == [Outcome.QUARANTINED]
        log.close()


class TestPairs:
    """The same identity with another time, when the first has left the tail."""

    def sealed_pair(self, tmp_path, second, first=None):
        log = open_writer(tmp_path)
        log.append([*events(0, 8), first or event(8)])
        log.seal(keep=0, through=1000)
        assert outcomes(log.append([*events(20, 28), second])) == [Outcome.ACCEPTED] * 9
        log.seal(keep=0, through=1000)
        found, _ = log.quarantine(0, 10)
        stored = log.head()
        log.close()
        return found, stored

    def test_is_reported_when_the_second_is_sealed(self, tmp_path):
        (found,), stored = self.sealed_pair(tmp_path, event(8, time_us=NOW_US + 86_400_000_000))
        assert (found.event_id, found.pointer, found.state, found.by) == ("e8", "/time", "open", None)
        assert "position 9" in found.reason
        assert stored == 18

    def test_a_retry_without_time_is_called_what_it_is(self, tmp_path):
        assumed = {"extensions": {"time_assumed": True}}
        later = event(8, time_us=NOW_US + 86_400_000_000, **assumed)
        (found,), _ = self.sealed_pair(tmp_path, later, event(8, **assumed))
        assert "gives no time" in found.reason

    def test_colliding_hashes_are_no_pair(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Hasher, "__call__", lambda self, who: np.array([42 for _ in who], dtype=np.int64))
        found, _ = self.sealed_pair(tmp_path, event(99, time_us=NOW_US + 86_400_000_000))
        assert found == []

    def test_a_lost_or_broken_file_of_hashes_loses_reports_only(self, tmp_path):
        log = open_writer(tmp_path)
        for n in range(3):
            log.append([event(n)])
            log.seal(keep=0, through=1000)
        first, second, _third = sorted((tmp_path / "sealed").glob("*.npy"))
        first.unlink()
        second.write_bytes(b"half")
        log.append([event(n, time_us=NOW_US + 86_400_000_000) for n in range(3)])
        log.seal(keep=0, through=1000)
        assert [one.event_id for one in log.quarantine(0, 10)[0]] == ["e2"]
        log.close()


def test_leftovers_of_a_killed_process_are_removed_when_the_log_is_opened(tmp_path):
    log = open_writer(tmp_path)
    log.append(events(0, ROWS))
    log.seal(keep=ROWS - 5, through=1000)
    log.close()
    folder = tmp_path / "sealed"
    for name in (
        "events-000000000006-000000000009.parquet",
        "events-1-2.parquet.77.partial.parquet",
        "events-1-2.parquet.hashes.npy",
        "events-000000000001-000000000005.parquet.hashes.npy.partial",
    ):
        (folder / name).write_bytes(b"half")
    log = open_writer(tmp_path)
    kept = "events-000000000001-000000000005.parquet"
    assert sorted(path.name for path in folder.iterdir()) == [kept, kept + pairs.SUFFIX]
    check_whole(log)
    log.close()


def test_a_file_that_is_gone_is_not_recorded(tmp_path, monkeypatch):
    log = open_writer(tmp_path)
    log.append(events(0, ROWS))
    real = sealing.write_file

    def gone(*args):
        found = real(*args)
        (tmp_path / "sealed" / found.name).unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "write_file", gone)
        with pytest.raises(Unavailable, match="not there as it was written"):
            log.seal(keep=10, through=ROWS)
    check_whole(log)
    assert log.seal(keep=10, through=ROWS) == 50
    check_whole(log)
    log.close()
