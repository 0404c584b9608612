"""The log opens behind a damaged page, keeps the damaged file, and refuses what makes no database any more."""

import shutil
from pathlib import Path

import pytest

from vonglau.core import damages
from vonglau.core.errors import Broken
from vonglau.engines.embedded import EmbeddedLog, schema
from vonglau.engines.embedded.tests.helpers import events
from vonglau.engines.embedded.tests.test_wal import flip


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    """What a killed door leaves: six appends, the first 5 of which can be read, and a last page that was damaged."""
    log = EmbeddedLog(tmp_path / "city")
    for n in range(6):
        log.append(events(10 * n, 10 * n + 10))
    shutil.copytree(tmp_path / "city", tmp_path / "dead")
    log.close()
    side = tmp_path / "dead" / f"{schema.FILE}-wal"
    flip(side, side.stat().st_size - 100)
    return tmp_path / "dead"


def test_the_log_goes_on_and_the_damaged_file_is_kept(dead: Path) -> None:
    before = (dead / f"{schema.FILE}-wal").read_bytes()
    log = EmbeddedLog(dead)
    assert log.head() == 50
    log.close()
    (note,) = damages.notes(dead, f"{schema.FILE}-wal")
    assert note.settled
    assert "1 commits" in note.said
    assert (dead / damages.FOLDER / note.kept).read_bytes() == before


def test_a_mixture_of_lost_and_kept_pages_is_refused_again_and_again(tmp_path: Path) -> None:
    """Pages were freed by commits that had reached the main file and are not seen any more: an older root still points to them."""
    log = EmbeddedLog(tmp_path / "city")
    log.append(events(0, 4000))
    log.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    log.append(events(4000, 4300))
    side = tmp_path / "dead" / f"{schema.FILE}-wal"
    kept = (tmp_path / "city" / side.name).stat().st_size
    log.db.execute("DELETE FROM event WHERE pos < 4000")
    log.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    shutil.copytree(tmp_path / "city", tmp_path / "dead")
    log.close()
    dead = side.parent
    flip(side, kept + 100)
    for _again in range(2):
        with pytest.raises(Broken, match="vonglau restore"):
            EmbeddedLog(dead)
    assert len(damages.notes(dead)) == 1
