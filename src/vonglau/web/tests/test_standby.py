"""A worker that stands by waits for the database as it waits for its turn: one line for an outage, and it tries again."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from django.db import OperationalError

from vonglau.core.errors import Unavailable
from vonglau.engines.turn import Turn
from vonglau.kit.metrics import Numbers
from vonglau.web import worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "STANDBY_SECONDS", 0.001)


class Turns(Turn):
    """Gives what it was told, one after the other: the turn, another's, or an error."""

    def __init__(self, *answers: bool | Exception) -> None:
        super().__init__("test")
        self._answers: Iterator[bool | Exception] = iter(answers)

    def take(self) -> bool:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def away() -> OperationalError:
    """As Django says that a server does not answer."""
    found = OperationalError("connection to server failed")
    found.__cause__ = psycopg.OperationalError("connection to server failed")
    return found


def stand_by(tmp_path: Path, *answers: bool | Exception) -> bool:
    return worker.stand_by(Turns(*answers), Numbers("worker", tmp_path), threading.Event())


@pytest.mark.parametrize("before", [(), (False, False)], ids=["at the start", "standing by"])
def test_an_outage_is_one_line_and_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, before: tuple[bool, ...]
) -> None:
    caplog.set_level(logging.WARNING, "vonglau.worker")
    assert stand_by(tmp_path, *before, away(), away(), away(), False, away(), True)
    assert sum("the fold waits" in record.getMessage() for record in caplog.records) == 2
    assert sum("stands by" in record.getMessage() for record in caplog.records) == 1
    assert not any(record.exc_info for record in caplog.records)


def test_a_mistake_of_the_program_is_no_outage(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="no such column"):
        stand_by(tmp_path, OperationalError("no such column"))


def test_it_ends_when_asked(tmp_path: Path) -> None:
    stopping = threading.Event()
    stopping.set()
    assert not worker.stand_by(Turns(), Numbers("worker", tmp_path), stopping)


class Stopping(threading.Event):
    """Stops at the eighth pause; remembers how long each was to be."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        return len(self.pauses) == 8


def pauses(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> list[float]:
    """Of a worker's task that fails every time."""

    def task() -> None:
        raise problem

    monkeypatch.setattr(worker, "connection", SimpleNamespace(close=lambda: None))
    one = worker.Worker.__new__(worker.Worker)
    one.stopping = stopping = Stopping()
    one._every(0.5, task)
    return stopping.pauses[1:]


def test_a_task_that_only_waits_tries_again_every_second_and_one_that_is_wrong_ever_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "vonglau.worker")
    for passes in (away(), Unavailable("the door is away")):
        assert max(pauses(monkeypatch, passes)) <= worker.OUTAGE_SECONDS
    wrong = pauses(monkeypatch, RuntimeError("a mistake"))
    assert wrong == sorted(wrong)
    assert wrong[-1] == 30.0
