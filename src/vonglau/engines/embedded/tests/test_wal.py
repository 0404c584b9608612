"""A damage in the middle of a write-ahead file is seen; a torn end is none."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from vonglau.engines.embedded.wal import FRAME, HEADER, Damage, damage

PAGE = 4096


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a killed process leaves: five commits in the write-ahead file."""
    db = sqlite3.connect(tmp_path / "live.db", isolation_level=None)
    for pragma in (f"page_size={PAGE}", "journal_mode=WAL", "wal_autocheckpoint=0"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("CREATE TABLE t (x)")
    for n in range(5):
        db.execute("INSERT INTO t VALUES (?)", (bytes([n]) * 100,))
    for side in ("", "-wal"):
        shutil.copy(tmp_path / f"live.db{side}", tmp_path / f"left.db{side}")
    db.close()
    return tmp_path / "left.db-wal"


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0xFF
    path.write_bytes(raw)


def frames(path: Path) -> int:
    return (path.stat().st_size - HEADER) // (FRAME + PAGE)


def test_a_whole_file_has_none(left: Path) -> None:
    assert frames(left) >= 6
    assert damage(left) is None
    assert damage(left.with_name("nowhere-wal")) is None


def test_a_damaged_page_in_the_middle_is_found_and_its_loss_is_real(left: Path) -> None:
    flip(left, HEADER + 3 * (FRAME + PAGE) + FRAME + 10)
    found = damage(left)
    assert found == Damage(frame=4, frames=frames(left), commits=frames(left) - 3)
    db = sqlite3.connect(left.with_name("left.db"))
    assert db.execute("SELECT count(*) FROM t").fetchone()[0] < 5, "SQLite forgot them in silence"
    db.close()


def test_an_end_that_was_torn_before_it_committed_is_none(left: Path) -> None:
    with left.open("r+b") as file:
        file.truncate(left.stat().st_size - PAGE // 2)
    assert damage(left) is None


def test_an_empty_file_and_a_foreign_one_are_none(left: Path) -> None:
    left.write_bytes(b"")
    assert damage(left) is None
    left.write_bytes(b"something else entirely, and longer than a header")
    assert damage(left) is None
