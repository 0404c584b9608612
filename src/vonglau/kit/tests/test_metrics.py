"""Figures: what a process writes is what the door shows; processes are summed; mistakes are seen at once."""

import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from vonglau.core.beats import Beat
from vonglau.kit import board_rows, boards
from vonglau.kit.exposition import exposition
from vonglau.kit.metrics import BUCKETS, Numbers


def shown(data: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(exposition(data).decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


@pytest.fixture
def one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The board of an installation on one machine, whichever engine this session runs on."""
    monkeypatch.setattr(boards, "of", boards.Files)


@pytest.mark.usefixtures("one_machine")
def test_the_door_shows_what_every_process_wrote(tmp_path: Path) -> None:
    door, worker = Numbers("door", tmp_path), Numbers("worker", tmp_path)
    door.count("vonglau_events", 3, outcome="accepted")
    door.count("vonglau_events", outcome="accepted")
    worker.gauge("vonglau_detector_lag_events", 7)
    door.write()
    worker.write()
    found = shown(tmp_path)
    assert found["vonglau_events_total", (("outcome", "accepted"),)] == 4
    assert found["vonglau_detector_lag_events", ()] == 7
    assert found["vonglau_up", (("process", "door"),)] == 1
    assert found["vonglau_process_memory_bytes", (("process", "worker"),)] > 0


@pytest.mark.usefixtures("one_machine")
def test_the_same_figure_of_several_processes_is_summed(tmp_path: Path) -> None:
    for name in ("web1", "web2"):
        numbers = Numbers(name, tmp_path)
        numbers.count("vonglau_proxied_requests", 2, status="2xx")
        numbers.observe("vonglau_stream_lag_seconds", 0.003)
        numbers.observe("vonglau_stream_lag_seconds", 99)
        numbers.write()
    found = shown(tmp_path)
    assert found["vonglau_proxied_requests_total", (("status", "2xx"),)] == 4
    assert found["vonglau_stream_lag_seconds_count", ()] == 4
    assert found["vonglau_stream_lag_seconds_sum", ()] == pytest.approx(198.006)
    assert found["vonglau_stream_lag_seconds_bucket", (("le", "0.005"),)] == 2
    assert found["vonglau_stream_lag_seconds_bucket", (("le", str(BUCKETS[-1])),)] == 2
    assert found["vonglau_stream_lag_seconds_bucket", (("le", "+Inf"),)] == 4


@pytest.mark.usefixtures("one_machine")
def test_a_process_that_stopped_writing_is_shown_as_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Numbers("worker", tmp_path).write()
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert shown(tmp_path)["vonglau_up", (("process", "worker"),)] == 0


@pytest.mark.usefixtures("one_machine")
def test_a_broken_file_is_left_out(tmp_path: Path) -> None:
    Numbers("door", tmp_path).write()
    (tmp_path / "run" / "half.json").write_text('{"process": "ha')
    (tmp_path / "run" / "foreign.json").write_text("[]")
    assert [body["process"] for body in boards.of(tmp_path).read()] == ["door"]


def test_figures_that_are_not_in_the_catalogue_are_refused(tmp_path: Path) -> None:
    numbers = Numbers("door", tmp_path)
    with pytest.raises(KeyError):
        numbers.count("vonglau_made_up")
    with pytest.raises(KeyError):
        numbers.gauge("vonglau_events", 1, outcome="accepted")
    with pytest.raises(KeyError):
        numbers.count("vonglau_events", 1)


@pytest.mark.django_db
def test_hosts_without_a_common_folder_share_a_board_in_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = board_rows.Rows()
    near, far = Numbers("worker", tmp_path / "a"), Numbers("worker", tmp_path / "b")
    near.host, far.host = "ioc-a", "ioc-b"
    near.beat("fold")
    for numbers in (near, far, near):  # twice is once
        numbers.board = board
        numbers.write()
    assert [body["process"] for body in board.read()] == ["worker@ioc-a", "worker@ioc-b"]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 90)  # the far host's clock is wrong
    far.beat("standby")
    far.write()
    monkeypatch.undo()
    found = {body["host"]: body for body in board.read()}
    assert abs(found["ioc-a"]["skew"]) < 60
    assert 60 < found["ioc-b"]["skew"] < 120
    assert found["ioc-b"]["beats"]["standby"] == pytest.approx(now, abs=30)  # its age is told by the board's clock
    monkeypatch.setattr(time, "time", lambda: now + 3600)  # the reader's own clock is wrong
    found = {body["host"]: body for body in board.read()}
    assert time.time() - found["ioc-a"]["beats"]["fold"] == pytest.approx(0, abs=30)
    monkeypatch.undo()
    far.forget(["worker"])
    assert Beat.objects.count() == 1
