"""An older log becomes today's, whole or not at all; a newer one is left alone."""

import sqlite3
from pathlib import Path

import pytest

from vonglau.core.errors import Broken, Unavailable
from vonglau.engines.embedded import layouts, open_reader, open_writer, schema
from vonglau.engines.embedded.layouts import STEPS, EmbeddedStep, upgrading
from vonglau.engines.embedded.tests.helpers import events
from vonglau.engines.layouts import Step, Upgraded

FIRST_TABLES = (Path(__file__).parent / "layout_1.sql").read_text()

Shape = dict[str, list[tuple[object, ...]]]


def old(folder: Path) -> Path:
    """A log of layout 1 with an event, as release 0.1.0 left it."""
    folder.mkdir(exist_ok=True)
    db = sqlite3.connect(folder / schema.FILE, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(FIRST_TABLES)
    db.executemany(
        "INSERT INTO setting VALUES (?, ?)", [("version", 1), ("secret", b"s" * 32), ("bucket_us", 10_000_000)]
    )
    db.execute("INSERT INTO event VALUES (1, 5, 5, 'live', '/s', 'a', 't', NULL, NULL, NULL, x'7b7d', NULL, 7)")
    db.close()
    return folder


def run(folder: Path, steps: tuple[EmbeddedStep, ...] = STEPS) -> Upgraded:
    with upgrading(schema.path(folder), folder / schema.LOCK, steps=steps) as done:
        return done


def shape(folder: Path) -> Shape:
    """Tables and indexes with their columns, whatever the spelling of their SQL."""
    db = sqlite3.connect(folder / schema.FILE)
    found: Shape = {}
    for kind, name in db.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall():
        about = "table_info" if kind == "table" else "index_xinfo"
        found[f"{kind} {name}"] = sorted(db.execute(f"PRAGMA {about}({name})").fetchall(), key=str)
    db.close()
    return found


def versions(folder: Path) -> tuple[int, list[str]]:
    db = sqlite3.connect(folder / schema.FILE)
    (version,) = db.execute("SELECT value FROM setting WHERE name = 'version'").fetchone()
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    db.close()
    return version, tables


def test_an_older_file_brought_forward_is_as_a_new_one(tmp_path: Path) -> None:
    """The guard of every change of the tables: whoever changes `schema.py` alone fails here."""
    run(old(tmp_path / "old"))
    open_writer(tmp_path / "new").close()

    def columns(of: Shape) -> dict[str, set[tuple[object, ...]]]:
        """Less the number of a column: one that was added later stands last in an old file."""
        return {name: {row[1:] if name.startswith("table") else row[2:] for row in rows} for name, rows in of.items()}

    assert columns(shape(tmp_path / "old")) == columns(shape(tmp_path / "new"))
    with_events = open_writer(tmp_path / "old")
    with_events.append(events(1, 3))
    assert [one.event.id for one in with_events.read(0, 10)[0]] == ["a", "e1", "e2"]
    with_events.close()


ADDED = Step("a table is added", lambda db: db.execute("CREATE TABLE added (x)") and None)


def test_steps_run_in_order_and_once(tmp_path: Path) -> None:
    folder = old(tmp_path / "old")
    filled = Step("it is filled", lambda db: db.execute("INSERT INTO added VALUES (1)") and None)
    assert run(folder, (ADDED, filled)) == Upgraded(1, 3, ("a table is added", "it is filled"))
    assert run(folder, (ADDED, filled)) == Upgraded(3, 3, ())
    assert versions(folder)[0] == 3


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    folder = old(tmp_path / "old")
    wrong = Step("it fails", lambda db: db.execute("INSERT INTO nowhere VALUES (1)") and None)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        run(folder, (ADDED, wrong))
    version, tables = versions(folder)
    assert version == 1
    assert "added" not in tables
    assert len(run(folder, (ADDED,)).steps) == 1  # and the lock was let go of


def test_what_fails_beside_it_takes_the_log_back_too(tmp_path: Path) -> None:
    folder = old(tmp_path / "old")
    with pytest.raises(ZeroDivisionError), upgrading(schema.path(folder), folder / schema.LOCK, steps=(ADDED,)):
        _ = 1 / 0
    assert versions(folder)[0] == 1
    assert "added" not in versions(folder)[1]


def test_a_log_of_a_later_program_is_refused_by_name(tmp_path: Path) -> None:
    folder = old(tmp_path / "old")
    run(folder, (*STEPS, ADDED))
    for attempt in (lambda: run(folder), lambda: open_writer(folder), lambda: open_reader(folder)):
        with pytest.raises(Broken, match="the newer program"):
            attempt()


def test_an_older_log_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = old(tmp_path / "old")
    run(folder)
    monkeypatch.setattr(layouts, "newest", lambda steps=(): 99)
    with pytest.raises(Broken, match="vonglau upgrade"):
        open_writer(folder)


def test_a_log_that_is_being_written_is_not_upgraded(tmp_path: Path) -> None:
    log = open_writer(tmp_path)
    try:
        with pytest.raises(Unavailable, match="already writing"):
            run(tmp_path)
    finally:
        log.close()
