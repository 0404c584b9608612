"""Which failures of the storage are told in words, and how often."""

import errno
import sqlite3
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError

from vonglau.core.errors import Broken, StorageFull, Unavailable
from vonglau.core.failing import SAID_EVERY, Failing
from vonglau.core.outages import foreseen, outage, translated


def _sqlite(code: int) -> OperationalError:
    problem = OperationalError("as Django says it")
    problem.__cause__ = sqlite3.OperationalError("as SQLite says it")
    problem.__cause__.sqlite_errorcode = code  # type: ignore[attr-defined]
    return problem


class _OfServer(Exception):
    sqlstate = "53100"


def test_a_full_disk_is_told_however_it_shows() -> None:
    server = OperationalError()
    server.__cause__ = _OfServer()
    for problem in (_sqlite(13), OSError(errno.ENOSPC, "x"), server, StorageFull()):
        assert isinstance(outage(problem), StorageFull)


def test_a_database_that_is_away_is_told_from_a_mistake() -> None:
    assert outage(_sqlite(5)) is not None
    assert outage(_sqlite(4874)) is not None  # SQLITE_IOERR_SHMSIZE
    assert outage(_sqlite(1)) is None  # SQLITE_ERROR: a wrong statement
    assert outage(IntegrityError()) is None
    assert outage(ValueError()) is None
    assert foreseen(ValueError()) is None
    assert isinstance(foreseen(Broken()), Broken)


def test_what_is_no_outage_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), translated():
        (tmp_path / "none").read_bytes()
    with pytest.raises(Unavailable), translated():
        raise _sqlite(5)


def test_a_failure_that_goes_on_is_said_once_in_ten_minutes() -> None:
    now = [0.0]
    failing = Failing(lambda: now[0])
    said = []
    for second in range(int(SAID_EVERY) + 2):
        now[0] = float(second)
        said.append(failing.worth_saying(StorageFull()))
    assert sum(said) == 2
    assert failing.worth_saying(Unavailable("something else"))
    assert failing.well() == (int(SAID_EVERY) + 3, SAID_EVERY + 1)
    assert failing.well() is None
