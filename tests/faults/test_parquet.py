"""Sealed history is damaged while it is served: who touches it is told which file, everything else goes on, and a file put back heals."""

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.faults.events import SOURCE, batch, log_of, post
from tests.faults.people import PASSWORD, Person
from tests.serving import Serving, new_city, ran, serving, token, until_folded, vonglau
from vonglau.core.events import Event, to_us
from vonglau.engines import history, open_writer

EACH = 500
DAYS = (20, 21, 22)
"""Of November 2026: one sealed file each. The first gets a wrong bit, the second is cut short, the third stays whole."""


def test_damaged_history(tmp_path: Path) -> None:
    data = new_city(tmp_path / "city")
    flipped, cut, whole = _sealed(data)
    key, kept, aside = token(data), tmp_path / "kept", tmp_path / "aside"
    ran("user", "create", "lanh.dao", "--role", "leader", "--data", data, stdin=PASSWORD + "\n")
    ran("backup", kept, "--data", data)
    with serving(data) as server:
        until_folded(server)
        parts, person = set(server.children()), Person(server.url)
        assert person.sign_in("lanh.dao")[0] == 200
        _flip(flipped)
        _cut(cut)
        for file, after in ((flipped, 0), (cut, EACH)):
            said = _read(server, key, after, 500)
            assert said["title"] == "Integrity check failed"
            assert file.name in said["detail"]
            assert f"positions {after + 1} to {after + EACH}" in said["detail"]
        assert cut.name in _figure(server, key, DAYS[1], 500)["detail"]
        status, page = person.ask(f"/figures/traffic_coverage/?day=2026-11-{DAYS[1]}")
        assert status == 500
        assert cut.name in page
        status, page = person.ask(f"/figures/?day=2026-11-{DAYS[1]}")
        assert status == 200, "the other figures are shown"
        assert "chưa tính được" in page
        assert cut.name in _question(data, DAYS[1], 1)
        _everything_else_works(server, key, data)
        named = vonglau("check", "--data", data)
        assert named.returncode == 1
        for file, first in ((flipped, 1), (cut, EACH + 1)):
            assert f"{file.name} (positions {first} to {first + EACH - 1})" in named.stdout + named.stderr
        assert whole.name not in named.stdout + named.stderr
        ran("restore", kept, aside)
        for file in (flipped, cut):
            shutil.copy(aside / "sealed" / file.name, file)
        for after in (0, EACH):
            items = _read(server, key, after, 200)["items"]
            assert [item["id"] for item in items][:2] == [f"e{after}", f"e{after + 1}"]
        _figure(server, key, DAYS[1], 200)
        assert str(EACH) in _question(data, DAYS[1], 0)
        _everything_else_works(server, key, data)
        assert set(server.children()) == parts, "nothing was started again"
        assert "Traceback" not in log_of(data)
    ran("check", "--data", data)


def _sealed(data: Path) -> list[Path]:
    """Three files of sealed events, and a tail."""
    log = open_writer(data)
    for number, day in enumerate((*DAYS, 23)):
        at = to_us(datetime(2026, 11, day, 3, tzinfo=UTC))
        log.append([_event(number * EACH + n, at + n * 1_000_000) for n in range(EACH)])
        if day in DAYS:
            assert log.seal(keep=0, through=(number + 1) * EACH) == EACH
    log.close()
    files = sorted(history.folder(data).glob("*.parquet"))
    assert len(files) == len(DAYS)
    return files


def _event(number: int, at_us: int) -> Event:
    body = json.dumps({"quantity": "speed", "value": 40 + number % 40}).encode()
    kind = "vn.vonglau.traffic.measured"
    return Event(id=f"e{number}", source=SOURCE, type=kind, time_us=at_us, subject=f"s{number % 50}", data=body)


def _flip(file: Path) -> None:
    """One bit in the middle of a page of values."""
    group = pq.ParquetFile(file).metadata.row_group(0)
    column = next(group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema == "id")
    raw = bytearray(file.read_bytes())
    raw[column.data_page_offset + column.total_compressed_size // 2] ^= 0x10
    file.write_bytes(raw)


def _cut(file: Path) -> None:
    raw = file.read_bytes()
    file.write_bytes(raw[: len(raw) // 2])


def _read(server: Serving, key: str, after: int, expected: int) -> dict[str, Any]:
    status, _headers, said = server.request("GET", f"/api/events?after={after}&limit=10", None, key)
    assert status == expected, said
    found: dict[str, Any] = said
    return found


def _figure(server: Serving, key: str, day: int, expected: int) -> dict[str, Any]:
    path = f"/api/indicators/traffic_coverage?start=2026-11-{day}&end=2026-11-{day}"
    status, _headers, said = server.request("GET", path, None, key)
    assert status == expected, said
    found: dict[str, Any] = said
    return found


def _question(data: Path, day: int, expected: int) -> str:
    """What `vonglau history` says."""
    frame = ("--from", f"2026-11-{day}", "--to", f"2026-11-{day}")
    done = vonglau("history", "SELECT count(*) AS n FROM events", *frame, "--data", data)
    assert done.returncode == expected, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def _everything_else_works(server: Serving, key: str, data: Path) -> None:
    assert server.request("GET", "/readyz")[0] == 200
    id = f"new-{time.monotonic_ns()}"
    assert post(server, key, batch([id]))[2]["accepted"] == 1
    assert _read(server, key, 2 * EACH, 200)["items"][0]["id"] == f"e{2 * EACH}"
    _figure(server, key, DAYS[2], 200)
    assert str(EACH) in _question(data, DAYS[2], 0)
