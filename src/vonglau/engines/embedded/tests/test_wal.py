"""A damage in a write-ahead file is seen, with the commits it hides; a torn end hides none."""

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


def test_damage_to_the_last_page_is_found(left: Path) -> None:
    flip(left, left.stat().st_size - 10)
    assert damage(left) == Damage(frame=frames(left), frames=frames(left), commits=1)


@pytest.mark.parametrize("at", [9, 17])
def test_damage_to_a_frames_own_head_is_found(left: Path, at: int) -> None:
    """Its salts, its checksum: what comes behind it is of the same turn, so it is no left-over."""
    flip(left, HEADER + 2 * (FRAME + PAGE) + at)
    found = damage(left)
    assert found is not None
    assert (found.frame, found.frames) == (3, frames(left))
    assert found.commits >= frames(left) - 3


def test_damage_to_the_header_hides_everything(left: Path) -> None:
    flip(left, 20)
    found = damage(left)
    assert found is not None
    assert (found.frame, found.frames) == (0, frames(left))
    assert found.commits == 6


@pytest.mark.parametrize("cut", [5, PAGE // 2, PAGE + 3, PAGE + FRAME - 4])
def test_an_end_that_was_torn_is_seen_and_holds_no_commit(left: Path, cut: int) -> None:
    whole = frames(left)
    with left.open("r+b") as file:
        file.truncate(left.stat().st_size - cut)
    assert damage(left) == Damage(frame=whole, frames=whole, commits=0)


def test_an_end_that_was_cut_between_two_frames_leaves_no_trace(left: Path) -> None:
    with left.open("r+b") as file:
        file.truncate(left.stat().st_size - PAGE - FRAME)
    assert damage(left) is None


def test_what_an_earlier_turn_of_the_file_left_is_no_damage(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "live.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL").fetchall()
    db.execute("CREATE TABLE t (x)")
    for n in range(20):
        db.execute("INSERT INTO t VALUES (?)", (bytes([n]) * 3000,))
    db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    db.execute("INSERT INTO t VALUES (1)")
    assert damage(tmp_path / "live.db-wal") is None
    flip(tmp_path / "live.db-wal", HEADER + FRAME + 10)
    found = damage(tmp_path / "live.db-wal")
    assert found is not None
    assert (found.frame, found.commits) == (1, 1), "and one in this turn is"
    db.close()


def test_files_longer_than_one_look(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "live.db", isolation_level=None)
    for pragma in ("page_size=512", "journal_mode=WAL", "wal_autocheckpoint=0"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("CREATE TABLE t (x)")
    db.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1300)])
    side = tmp_path / "live.db-wal"
    assert side.stat().st_size > HEADER + 1024 * (FRAME + 512)
    assert damage(side) is None
    flip(side, HEADER + 1024 * (FRAME + 512) + FRAME + 3)
    found = damage(side)
    assert found is not None
    assert found.frame == 1025
    db.close()


def test_an_empty_file_and_a_foreign_one_are_none(left: Path) -> None:
    left.write_bytes(b"")
    assert damage(left) is None
    left.write_bytes(b"something else entirely, and longer than a header")
    assert damage(left) is None
