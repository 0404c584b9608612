"""A projection over a real log: every event counts exactly once, whenever its worker is killed, and a new version starts anew."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from vonglau.core.alert_models import Cursor
from vonglau.core.changes import Change
from vonglau.core.log import Batch, Log
from vonglau.core.projection import Locate, Projection
from vonglau.core.projector import Projector
from vonglau.core.testing import event
from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.engines import open_writer

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 2, tzinfo=UTC)
LAMP, OTHER = "vn.example.lighting.lamp", "vn.example.other.thing"


class Kept(Projection):
    """Keeps one row for each event, in a table that is there already; raises once where it is told to."""

    name = "test.kept"
    types = frozenset({LAMP})

    def __init__(self) -> None:
        self.fail_at = ""

    def apply(self, world: str, batch: Batch, locate: Locate) -> None:
        for id in batch.id:
            Cursor.objects.create(pk=f"kept/{world}/{id}")
            if id == self.fail_at:
                self.fail_at = ""
                raise RuntimeError("killed in the middle of a stretch")

    def forget(self) -> None:
        Cursor.objects.filter(pk__startswith="kept/").delete()


def kept() -> set[str]:
    return set(Cursor.objects.filter(pk__startswith="kept/").values_list("pk", flat=True))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    for world in ("rec-1", "rec-2"):
        ensure_world(world, WorldKind.RECORDING, "48")
    found = open_writer(tmp_path)
    found.append(
        [
            event(type_, START + timedelta(minutes=number), {}, subject=type_[-4:], world=f"rec-{number % 2 + 1}")
            for number in range(30)
            for type_ in (LAMP, OTHER)
        ]
    )
    yield found
    found.close()


def test_every_event_of_its_types_once_each_in_its_world(log: Log) -> None:
    projector = Projector(log, Kept(), lambda lon, lat: ("", False), limit=7)
    projector.follow()
    assert len(kept()) == 30
    assert {name.split("/")[1] for name in kept()} == {"rec-1", "rec-2"}
    assert Change.objects.filter(kind="indicator", ref="test.kept").exists(), "pages are told"
    before = Change.objects.count()
    projector.follow()
    assert Change.objects.count() == before, "nothing new, nothing done"


def test_what_fails_in_the_middle_of_a_stretch_leaves_nothing_and_is_done_again(log: Log) -> None:
    projection = Kept()
    projection.fail_at = event(LAMP, START + timedelta(minutes=11), {}, subject="lamp").id
    projector = Projector(log, projection, lambda lon, lat: ("", False), limit=7)
    with pytest.raises(RuntimeError, match="killed"):
        projector.follow()
    assert len(kept()) < 12
    Projector(log, projection, lambda lon, lat: ("", False), limit=7).follow()
    assert len(kept()) == 30


def test_a_new_version_empties_the_tables_and_reads_from_the_beginning(log: Log) -> None:
    Projector(log, Kept(), lambda lon, lat: ("", False)).follow()
    Cursor.objects.create(pk="kept/left/over")

    class Newer(Kept):
        version = 2

    Projector(log, Newer(), lambda lon, lat: ("", False)).follow()
    assert len(kept()) == 30
    assert "kept/left/over" not in kept()


class Watched:
    """A log of which a stretch is read while somebody else moves the cursor."""

    def __init__(self, log: Log, meanwhile: Callable[[], None]) -> None:
        self._log, self._meanwhile = log, [meanwhile]

    def version(self) -> int:
        return self._log.version()

    def batch(self, after: int, limit: int) -> Batch:
        assert not connection.in_atomic_block, "the state's one writer waits for no file"
        found = self._log.batch(after, limit)
        while self._meanwhile:
            self._meanwhile.pop()()
        return found


@pytest.mark.parametrize("before", [0, 1])
def test_the_log_is_read_outside_the_transaction_and_a_cursor_that_moved_counts_nothing_twice(
    log: Log, before: int
) -> None:
    def step() -> None:
        Projector(log, Kept(), lambda lon, lat: ("", False), limit=7).step()

    for _ in range(before):
        step()
    reader = Watched(log, step)
    Projector(reader, Kept(), lambda lon, lat: ("", False), limit=7).follow()  # type: ignore[arg-type]
    assert len(kept()) == 30
