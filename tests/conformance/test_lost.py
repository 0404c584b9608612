"""A log that lost its end leaves out the positions that somebody knows of; the same on every engine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vonglau.core import audit, changes, damages, lost
from vonglau.core.alert_models import Cursor, DetectorStop
from vonglau.core.errors import Broken
from vonglau.core.events import LOST_TYPE, Event
from vonglau.core.log import Log
from vonglau.engines import open_writer
from vonglau.web.opening import open_log

pytestmark = pytest.mark.django_db(transaction=True)


def events(*ids: str) -> list[Event]:
    return [Event(id=id, source="/t", type="t", time_us=0, data=b"{}") for id in ids]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """Five events."""
    writer = open_writer(tmp_path)
    writer.append(events(*"abcde"))
    yield writer
    writer.close()


def test_nothing_is_done_where_nothing_is_missing(log: Log, tmp_path: Path) -> None:
    Cursor.objects.create(reader="r", position=5)
    assert lost.fill(log, tmp_path) is None
    assert log.head() == 5
    assert damages.notes(tmp_path) == []
    assert audit.rows(audit.INSTALLATION) == []


def test_missing_positions_are_marked_and_what_is_new_comes_behind(log: Log, tmp_path: Path) -> None:
    Cursor.objects.create(reader="slow", position=2)
    Cursor.objects.create(reader="fast", position=8)
    gap = lost.fill(log, tmp_path)
    assert gap == lost.Gap(6, 8, "fast")
    marked, _after = log.read(5, 10)
    assert [(one.pos, one.event.type, one.event.source) for one in marked] == [
        (at, LOST_TYPE, "/vonglau/log") for at in (6, 7, 8)
    ]
    assert [receipt.pos for receipt in log.append(events("f"))] == [9]
    ((_row, said),) = audit.rows(audit.INSTALLATION)
    assert (said["step"], said["first"], said["last"]) == ("lost", 6, 8)
    (note,) = damages.notes(tmp_path)
    assert "positions 6 to 8" in note.said
    assert lost.fill(log, tmp_path) is None, "once"
    Cursor.objects.filter(reader="fast").update(position=12)
    assert lost.fill(log, tmp_path) == lost.Gap(10, 12, "fast"), "and again when it happens again"


def test_evidence_and_stops_are_positions_that_somebody_knows(log: Log) -> None:
    changes.announce("live", "alert", "x", evidence=[7])
    changes.announce("live", "incident", "y", evidence=[99])
    assert lost.beyond(5) == lost.Gap(6, 7, "an alert")
    where = {"detector": "d", "version": 1, "world": "live", "position": 6, "first": 7, "last": 9}
    DetectorStop.objects.create(**where, reason="poison", error="E", since=datetime.now(UTC))
    assert lost.beyond(5) == lost.Gap(6, 9, "a detector's stop")


def test_a_log_that_is_too_far_behind_is_refused_and_not_touched(tmp_path: Path) -> None:
    Cursor.objects.create(reader="r", position=lost.MOST + 1)
    with pytest.raises(Broken, match="vonglau restore"):
        open_log(tmp_path)
    Cursor.objects.update(position=lost.MOST)
    log = open_log(tmp_path)
    assert log.head() == lost.MOST
    log.close()
