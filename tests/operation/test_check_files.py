"""`check` on files that were damaged: history that is cut short or gone, commits behind a damaged page. In this process: it is quick."""

import shutil
from pathlib import Path

import pytest

from vonglau.engines import history
from vonglau.engines.embedded import EmbeddedLog, schema
from vonglau.engines.embedded.inspection import EmbeddedInspection
from vonglau.engines.embedded.tests.helpers import events
from vonglau.engines.embedded.wal import FRAME, HEADER
from vonglau.web.checks import Place, logs, stores


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """300 events, of which 200 are sealed."""
    log = EmbeddedLog(tmp_path / "city")
    log.append(events(0, 300))
    assert log.seal(keep=100, through=300) == 200
    log.close()
    return tmp_path / "city"


def found(data: Path) -> list[str]:
    log = EmbeddedLog(data)
    db = EmbeddedInspection(data)
    try:
        return list(logs.sealed(Place(data, log.reader, db)))
    finally:
        db.close()
        log.close()


def test_history_that_was_cut_changed_or_lost_is_named(data: Path) -> None:
    assert found(data) == []
    (file,) = history.folder(data).glob("*.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    assert found(data) == [
        f"sealed/{file.name} (positions 1 to 200) has {len(whole) - 100} bytes instead of {len(whole)}"
    ]
    file.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    assert found(data) == [f"sealed/{file.name} (positions 1 to 200) is not the file that was sealed"]
    file.unlink()
    assert found(data) == [f"sealed/{file.name} (positions 1 to 200) is missing"]


def test_commits_behind_a_damaged_page_are_counted(data: Path, tmp_path: Path) -> None:
    log = EmbeddedLog(data)
    for n in range(5):
        log.append(events(1000 + n, 1001 + n))
    dead = tmp_path / "dead"
    shutil.copytree(data, dead)  # what a killed door leaves
    log.close()
    side = dead / f"{schema.FILE}-wal"
    raw = bytearray(side.read_bytes())
    page = int.from_bytes(raw[8:12], "big")
    raw[HEADER + FRAME + page + FRAME + 9] ^= 0xFF  # the second frame's page
    side.write_bytes(raw)
    db = EmbeddedInspection(data)
    (said,) = stores.write_ahead(Place(dead, None, db))  # type: ignore[arg-type]
    assert list(stores.write_ahead(Place(data, None, db))) == []  # type: ignore[arg-type]
    db.close()
    assert said.startswith(f"{schema.FILE}-wal: frame 2 of")
