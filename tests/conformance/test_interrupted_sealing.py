"""A sealing that a crash interrupts goes on from where it was, on every engine; and a helper of a dead process ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import engines
from tests.conformance.test_log import ENGINES, Engine, event
from vonglau.core.log import Log
from vonglau.engines.history import SealedFile, sealing
from vonglau.engines.history.sealing import Steps

pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())
ROWS = 60


class PowerCut(BaseException):
    """Not an Exception: nothing in the code may handle it."""


class Cut:
    """The steps of an engine until the file that begins at a position is to be recorded, or deleted behind."""

    def __init__(self, steps: Steps, step: str, at: int) -> None:
        self._steps, self._step, self._at = steps, step, at
        self.bounds, self.write, self.forget = steps.bounds, steps.write, steps.forget

    def record(self, file: SealedFile) -> None:
        if self._step == "record" and file.first_pos >= self._at:
            raise PowerCut
        self._steps.record(file)

    def delete(self, through: int) -> None:
        if self._step == "delete" and through >= self._at:
            raise PowerCut
        self._steps.delete(through)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return Engine(request.param, tmp_path / "data")


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setattr(sealing, "FIRST_ROWS", 5)
    with monkeypatch.context() as patch:
        yield patch


def files(log: Log) -> list[tuple[int, int]]:
    """First and last position of each sealed file; opening a log removes files that no manifest row names."""
    folder: Path = log.data_dir / "sealed"  # type: ignore[attr-defined]
    names = sorted(path.stem.split("-") for path in folder.glob("*.parquet"))
    return [(int(first), int(last)) for _events, first, last in names]


@pytest.mark.parametrize(("step", "at", "kept"), [("record", 16, [(1, 5), (6, 15)]), ("delete", 15, [(1, 5), (6, 15)])])
def test_it_goes_on_from_where_it_was(
    engine: Engine, cut: pytest.MonkeyPatch, step: str, at: int, kept: list[tuple[int, int]]
) -> None:
    real = sealing.seal
    with engine.writer() as log:
        log.append([event(n) for n in range(ROWS)])
        cut.setattr(
            "vonglau.engines.history.seal", lambda steps, pace, **asked: real(Cut(steps, step, at), pace, **asked)
        )
        with pytest.raises(PowerCut):
            log.seal(keep=0, through=ROWS)
    cut.undo()
    with engine.writer() as log:
        assert files(log) == kept
        assert log.tail_rows() == ROWS - 15
        assert [one.event.id for one in log.read(0, 2 * ROWS)[0]] == [f"e{n}" for n in range(ROWS)]
        assert {one.outcome for one in log.append([event(n) for n in range(ROWS)])} == {"duplicate"}
        assert log.seal(keep=10, through=ROWS) == ROWS - 25
        assert files(log)[:2] == kept
        assert files(log)[-1][1] == ROWS - 10
        assert log.batch(0, 2 * ROWS).pos.tolist() == list(range(1, ROWS + 1))


def test_parts_grow_while_nothing_interrupts(engine: Engine, cut: pytest.MonkeyPatch) -> None:
    cut.setattr(sealing, "FILE_ROWS", 20)
    with engine.writer() as log:
        log.append([event(n) for n in range(ROWS)])
        assert log.seal(keep=0, through=ROWS) == ROWS
        assert files(log) == [(1, 5), (6, 15), (16, 35), (36, 55), (56, 60)]


PARENT = """
import sys
from vonglau.engines.history import writing
writing.write_elsewhere([sys.executable, "-c", sys.argv[1], *sys.argv[2:]], lambda: False)
"""
CHILD = """
import os, pathlib, sys, time
from vonglau.engines.history import writing
def write():
    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
    time.sleep(600)
writing.report(write)
"""


def test_who_writes_a_file_ends_with_the_process_that_wants_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(told)])
    child = 0
    try:
        until = time.monotonic() + 60
        while not child:
            assert time.monotonic() < until
            assert parent.poll() is None
            time.sleep(0.01)
            child = int(told.read_text() or 0) if told.exists() else 0
        parent.send_signal(signal.SIGKILL)
        parent.wait(30)
        while running(child):
            assert time.monotonic() < until, "it lives on without its parent"
            time.sleep(0.01)
    finally:
        parent.kill()
        if child and running(child):
            os.kill(child, signal.SIGKILL)


def running(pid: int) -> bool:
    """Neither gone nor a zombie that nobody has buried yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
