"""The previous release's data, opened by today's program: refused until `upgrade`, whole afterwards, untouched when a step fails."""

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import engines
from tests.serving import ran, serving, vonglau
from vonglau.core import vault
from vonglau.core.words import plain
from vonglau.engines import open_reader

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(engines.POSTGRESQL, reason="release 0.1.0 kept its data in files alone"),
]

ARCHIVE = Path(__file__).parent / "release-0.1.0.tar.xz"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released") / "city"
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def old(released: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released, tmp_path / "city"))


def rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / "state.db")) as db:
        return db.execute(query).fetchall()


STAYS = {
    "alerts": "SELECT world, identity, kind, rank, onset, ended, subject, evidence FROM core_alert ORDER BY 1, 2",
    "incidents": "SELECT world, ref, state, version, title, received_at, due_at FROM core_incident ORDER BY 1, 2",
    "evidence": "SELECT sha256 FROM core_evidence",
    "audit": "SELECT stream, n, hash FROM core_auditrow ORDER BY 1, 2",
    "checkpoints": "SELECT n, hash FROM core_checkpoint ORDER BY 1",
    "accounts": "SELECT name, digest FROM core_apitoken ORDER BY 1",
}


def told(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {name: rows(data, query) for name, query in STAYS.items()}


def bytes_of(data: Path) -> dict[str, bytes]:
    """What must not change when nothing was upgraded; what a reader leaves beside a database is not part of it."""
    for name in ("state.db", "log.db"):
        with closing(sqlite3.connect(data / name)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {name: (data / name).read_bytes() for name in ("state.db", "log.db", "checkpoints.jsonl")}


def test_an_old_folder_is_refused_by_name_and_left_alone(old: Path) -> None:
    before = bytes_of(old)
    for command in ("serve", "init"):
        done = vonglau(command, "--data", old)
        assert done.returncode == 1, done.stderr
        assert "vonglau upgrade" in done.stderr
    done = vonglau("upgrade", "--data", old)
    assert done.returncode == 2
    assert "--backup" in done.stderr
    assert bytes_of(old) == before


def test_it_is_brought_forward_after_a_backup_and_nothing_is_lost(old: Path, tmp_path: Path) -> None:
    before = told(old)
    assert all(before.values())
    folder = tmp_path / "backups"
    said = json.loads(ran("upgrade", "--data", old, "--backup", folder, "--json").strip().splitlines()[-1])
    assert said["migrations"]
    assert said["facts"]["places"]["Ward"] > 3000
    assert told(old) == before
    title, words = rows(old, "SELECT title, words FROM core_incident ORDER BY ref LIMIT 1")[0]
    assert plain(title) in words, "what was there before the upgrade is not found by its words"
    checked = json.loads(ran("check", "--data", old, "--json").strip().splitlines()[-1])
    assert checked["findings"] == []
    assert "nothing to do" in ran("upgrade", "--data", old)
    reader = open_reader(old)
    events, cursor = [], 0
    while cursor is not None:
        found, cursor = reader.read(cursor, 5_000)
        events += [one.event.id for one in found if one.event.source in ("/live", "/recording")]
    reader.close()
    assert len(events) == len(set(events)) == 2 * 144 + 200

    with serving(old) as server:
        assert server.request("GET", "/open311/v2/services.json")[0] == 200
    back = tmp_path / "back"
    ran("restore", folder, back)
    assert {name: told(back)[name] for name in ("alerts", "incidents", "evidence")} == {
        name: before[name] for name in ("alerts", "incidents", "evidence")
    }


def test_contacts_kept_in_plain_are_sealed_and_stand_in_no_file_any_more(old: Path) -> None:
    """Also not in pages that the database has given up."""
    planted = {"phone": "0905 777 123", "email": "bi.mat@example.vn", "contact_name": "Trần Thị Bí Mật"}
    with closing(sqlite3.connect(old / "state.db")) as db, db:
        sets = ", ".join(f"{name} = ?" for name in planted)
        assert db.execute(f"UPDATE field_reports_content SET {sets}", tuple(planted.values())).rowcount == 2
    ran("upgrade", "--data", old, "--no-backup")
    with closing(sqlite3.connect(old / "state.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = b"".join(path.read_bytes() for path in old.rglob("*") if path.is_file())
    assert [name for name, text in planted.items() if text.encode() in kept] == []
    sealed = {field for (field,) in rows(old, "SELECT phone FROM field_reports_content")}
    assert all(vault.is_sealed(text) for text in sealed)
    assert json.loads(ran("secrets", "status", "--data", old, "--json").strip().splitlines()[-1])["wrong"] == []


def test_a_migration_that_fails_leaves_the_folder_to_the_old_release(old: Path) -> None:
    """A table in the way of a late migration: whatever came before it is taken back, and the log with it."""
    with closing(sqlite3.connect(old / "state.db")) as db:
        db.execute("CREATE TABLE core_endpoint (x)")
        db.commit()
    before = bytes_of(old)
    done = vonglau("upgrade", "--data", old, "--no-backup")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "as they were" in done.stderr
    assert "Traceback" not in done.stderr
    assert bytes_of(old) == before


def test_a_folder_of_a_later_release_is_refused(old: Path) -> None:
    with closing(sqlite3.connect(old / "state.db")) as db, db:
        db.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('core', '9999_later', '2030-01-01')")
    done = vonglau("upgrade", "--data", old, "--no-backup")
    assert done.returncode == 1
    assert "newer release" in done.stderr
    with closing(sqlite3.connect(old / "log.db")) as db, db:
        db.execute("UPDATE setting SET value = 99 WHERE name = 'version'")
    done = vonglau("serve", "--data", old)
    assert done.returncode == 1
    assert "newer program" in done.stderr
