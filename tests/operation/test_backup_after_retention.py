"""What retention has taken, before a backup or in the middle of one, is no reason for there to be none. On both engines."""

from pathlib import Path

import pytest

from tests.serving import new_city, ran
from vonglau.engines import open_writer
from vonglau.engines.embedded.tests.helpers import event, events
from vonglau.engines.history import retention
from vonglau.engines.history.derive import Nothing
from vonglau.engines.history.tests.test_retention import ALL, LONG_AGO, NOBODY
from vonglau.web.backups import take
from vonglau.web.backups.store import Store

pytestmark = pytest.mark.timeout(600)


def sealed(data: Path) -> None:
    """A file with two types, all of whose identities are forgotten, and a tail."""
    log = open_writer(data, horizon_us=LONG_AGO)
    log.append([event(n, type="vn.example.stays") if n % 2 else event(n) for n in range(20)])
    log.seal(keep=0, through=20)
    log.append(events(20, 40))
    log.seal(keep=0, through=40)
    log.append(events(40, 45))
    log.close()


def enforce(data: Path) -> int:
    log = open_writer(data, horizon_us=LONG_AGO)
    with log.keeping() as keeper:  # type: ignore[attr-defined]
        taken = retention.enforce(keeper, ALL, NOBODY, Nothing())
    log.close()
    return sum(one.rows for one in taken)


def backed_up(data: Path, store: Path) -> set[str]:
    """The sealed files that a new snapshot holds."""
    snapshot = take.take(data, Store(store), secrets=data / "secrets")
    return {piece.path for piece in snapshot.files if piece.path.startswith("sealed/") and "/events-" in piece.path}


def test_before_it(tmp_path: Path) -> None:
    data = new_city(tmp_path / "city")
    sealed(data)
    assert len(backed_up(data, tmp_path / "backups")) == 2
    assert enforce(data) == 30
    left = "sealed/events-000000000001-000000000020-r1.parquet"
    assert left in backed_up(data, tmp_path / "backups")
    assert backed_up(data, tmp_path / "fresh") == {left}
    ran("backup", "verify", tmp_path / "fresh", "--quick")


def test_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the instant was taken, before the first file was copied."""
    data = new_city(tmp_path / "city")
    sealed(data)
    room = take.need_room

    def and_retention(*args: object) -> None:
        room(*args)  # type: ignore[arg-type]
        assert enforce(data) == 30

    monkeypatch.setattr(take, "need_room", and_retention)
    assert backed_up(data, tmp_path / "backups") == {"sealed/events-000000000001-000000000020-r1.parquet"}
