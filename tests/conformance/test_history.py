"""Sealed files, questions and retention are the same whichever engine holds the manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from vonglau.core.events import Event
from vonglau.core.retention import Needs
from vonglau.engines import open_history, open_inspection, open_writer
from vonglau.engines.history import Asked, reading, retention, sealing, writing
from vonglau.engines.history.derive import Nothing
from vonglau.engines.history.duck import Limits
from vonglau.engines.history.query import ask

NOW_US = 1_767_225_600_000_000
NOBODY = Needs(2**62, np.empty(0, dtype=np.int64))


class AllOfOneType:
    newest_us = 2**62

    def of(self, types: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        return {"vn.example.goes": (2**62, "test")} if "vn.example.goes" in types else {}


def event(n: int) -> Event:
    stays = n % 2 or n >= 45
    return Event(
        id=f"e{n}",
        source="/s",
        type="vn.example.stays" if stays and n < 20 else "vn.example.goes",
        time_us=NOW_US + n,
        data=b"%d" % n,
    )


def test_questions_and_retention(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "FILE_ROWS", 20)
    for module in (reading, writing):
        monkeypatch.setattr(module, "GROUP_ROWS", 10)
    log = open_writer(tmp_path, horizon_us=-(10**15))
    log.append([event(n) for n in range(50)])
    assert log.seal(keep=10, through=100) == 40
    reader = open_history(tmp_path)
    sql = "SELECT type, count(*) AS n FROM events GROUP BY ALL ORDER BY ALL"

    def counted() -> list[int]:
        table, _cut = ask(reader, Nothing(), Asked("live"), sql, Limits())
        return table["n"].to_pylist()

    assert counted() == [40, 10]
    with log.keeping() as keeper:  # type: ignore[attr-defined]
        taken = retention.enforce(keeper, AllOfOneType(), NOBODY, Nothing())  # type: ignore[arg-type]
    assert [(one.first_pos, one.rows) for one in taken] == [(1, 10), (21, 20)]
    left = [*range(2, 21, 2), *range(41, 51)]
    assert [one.pos for one in reader.read(0, 100)[0]] == left
    assert reader.batch(0, 100).pos.tolist() == left
    assert counted() == [10, 10]
    inspection = open_inspection(tmp_path)
    inspection.begin()
    assert [(file.rows, file.first_pos) for file in inspection.sealed()] == [(10, 1), (0, 21)]
    inspection.close()
    reader.close()
    log.close()
    log = open_writer(tmp_path)
    assert [one.pos for one in log.read(0, 100)[0]] == left
    assert log.head() == 50
    log.close()
