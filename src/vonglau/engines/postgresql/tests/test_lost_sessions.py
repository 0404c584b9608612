"""The door's session is lost and made anew while another thread seals or removes: nothing is lost, whatever the step."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from tests import engines

from vonglau.core.errors import Unavailable
from vonglau.engines.database import Database
from vonglau.engines.embedded.tests.helpers import event, events
from vonglau.engines.history import retention
from vonglau.engines.history import sealing as order
from vonglau.engines.history.derive import Nothing
from vonglau.engines.history.tests.test_retention import ALL, LONG_AGO, NOBODY
from vonglau.engines.postgresql import PostgresqlLog, keeping, open_writer, sealing
from vonglau.engines.postgresql.connection import connect
from vonglau.engines.postgresql.manifest import PostgresqlManifest

pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())

ROWS = 60
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_SLICE", 7)
    monkeypatch.setattr(order, "FILE_ROWS", 25)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return engines.of_folder(tmp_path)


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[PostgresqlLog]:
    found = open_writer(database, tmp_path, horizon_us=LONG_AGO)
    yield found
    found.close()


def lose(database: Database, log: PostgresqlLog, n: int) -> None:
    """The server ends the session; the next to notice is an append, that makes a new one."""
    with connect(database, "test") as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (log.db.info.backend_pid,))
    until_it_works(lambda: log.append([event(n)]))


def until_it_works(do: Callable[[], T]) -> T:
    for _ in range(4):
        try:
            return do()
        except Unavailable:
            continue
    raise AssertionError("it did not come back")


def losing(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, when: str, lost: Callable[[int], None], first: int
) -> list[int]:
    """Lose the session before or after each of the first two calls; the events appended meanwhile."""
    real, appended = getattr(where, name), list[int]()

    def step(*args: object, **kwargs: object) -> object:
        mine = len(appended) < 2
        if mine and when == "before":
            appended.append(first + len(appended))
            lost(appended[-1])
        found = real(*args, **kwargs)
        if mine and when == "after":
            appended.append(first + len(appended))
            lost(appended[-1])
        return found

    monkeypatch.setattr(where, name, step)
    return appended


def whole(log: PostgresqlLog) -> None:
    """Every file that the manifest names is there."""
    with log.lock:
        log.ready()
        for file in PostgresqlManifest(log.db).files():
            assert not file.rows or (log.folder / file.name).stat().st_size == file.bytes


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["bounds", "write", "record", "_remember", "_pairs", "delete", "forget"])
def test_sealing(
    database: Database, log: PostgresqlLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, when: str
) -> None:
    log.append(events(0, ROWS))
    appended = losing(monkeypatch, sealing.PostgresqlSteps, name, when, lambda n: lose(database, log, n), ROWS)
    until_it_works(lambda: log.seal(keep=10, through=ROWS))
    assert appended
    assert [one.event for one in log.read(0, 1000)[0]] == events(0, ROWS + len(appended))
    whole(log)
    log.close()
    again = open_writer(database, tmp_path)
    assert [one.event for one in again.read(0, 1000)[0]] == events(0, ROWS + len(appended))
    again.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("where", "name"),
    [(retention.writing, "write_tables"), (keeping.PostgresqlKeeper, "replace"), (retention, "_take")],
)
def test_retention(
    database: Database, log: PostgresqlLog, monkeypatch: pytest.MonkeyPatch, where: object, name: str, when: str
) -> None:
    stays = [event(n, type="vn.example.stays") for n in range(0, 40, 2)]
    log.append([one for pair in zip(stays, [event(n) for n in range(1, 40, 2)], strict=True) for one in pair])
    log.append(events(40, 50))
    log.seal(keep=10, through=ROWS)
    appended = losing(monkeypatch, where, name, when, lambda n: lose(database, log, n), 50)

    def enforce() -> None:
        with log.keeping() as keeper:
            retention.enforce(keeper, ALL, NOBODY, Nothing())

    until_it_works(enforce)
    assert appended
    assert [one.event for one in log.read(0, 1000)[0]] == [*stays, *events(40, 50 + len(appended))]
    whole(log)


def test_what_another_door_sealed_meanwhile_is_not_recorded_twice(
    database: Database, log: PostgresqlLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log.append(events(0, ROWS))
    write = sealing.PostgresqlSteps.write

    def away(self: sealing.PostgresqlSteps, first: int, last: int) -> object:
        monkeypatch.setattr(sealing.PostgresqlSteps, "write", write)
        found = write(self, first, last)
        with connect(database, "test") as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", (log.db.info.backend_pid,))
        second = open_writer(database, tmp_path)
        second.seal(keep=20, through=ROWS)
        second.close()
        return found

    monkeypatch.setattr(sealing.PostgresqlSteps, "write", away)
    with pytest.raises(Unavailable):
        log.seal(keep=10, through=ROWS)
    until_it_works(lambda: log.seal(keep=10, through=ROWS))
    assert [one.event for one in log.read(0, 1000)[0]] == events(0, ROWS)
    whole(log)


def test_a_file_that_is_gone_is_not_recorded(log: PostgresqlLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(events(0, ROWS))
    write = sealing.PostgresqlSteps.write

    def gone(self: sealing.PostgresqlSteps, first: int, last: int) -> object:
        found = write(self, first, last)
        (log.folder / found.name).unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(sealing.PostgresqlSteps, "write", gone)
        with pytest.raises(Unavailable, match="not there as it was written"):
            log.seal(keep=10, through=ROWS)
    assert [one.event for one in log.read(0, 1000)[0]] == events(0, ROWS)
    assert log.seal(keep=10, through=ROWS) == 50
