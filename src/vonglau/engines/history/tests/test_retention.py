"""What has expired goes, whatever step is cut off; what is needed stays, and positions stay explained."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from tests import engines

from vonglau.core.retention import Needs
from vonglau.engines import open_reader, open_writer
from vonglau.engines.embedded.tests.helpers import NOW_US, events
from vonglau.engines.history import SealedFile, layout, reading, retention, writing
from vonglau.engines.history import sealing as order
from vonglau.engines.history.derive import Nothing
from vonglau.engines.history.tests.test_layout import OLD, START_US, Known, expected


class PowerCut(BaseException):
    """Not an Exception: nothing in the code may handle it."""


TYPE = "vn.example.speed"
NOBODY = Needs(2**62, np.empty(0, dtype=np.int64))
LONG_AGO = -(10**15)
"""A horizon in which every identity is forgotten at once."""


@dataclass(frozen=True)
class Before:
    """Everything of one type, stored or happened before a moment."""

    us: int
    type: str = TYPE

    @property
    def newest_us(self) -> int:
        return self.us

    def of(self, types: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        return {self.type: (self.us, "test")} if self.type in types else {}


ALL = Before(2**62)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(order, "FILE_ROWS", 20)
    monkeypatch.setattr(reading, "GROUP_ROWS", 10)
    monkeypatch.setattr(writing, "GROUP_ROWS", 10)


def sealed_log(folder, *, mixed=True):
    """40 sealed events in two files, 10 in the tail; in the first file every other one is of a type that stays."""
    log = open_writer(folder, horizon_us=LONG_AGO)
    every = events(0, 50)
    if mixed:
        from msgspec.structs import replace

        every = [replace(one, type="vn.example.stays") if n < 20 and n % 2 else one for n, one in enumerate(every)]
    log.append(every)
    log.seal(keep=10, through=100)
    return log


def enforce(log, cutoffs=ALL, needs=NOBODY):
    with log.keeping() as keeper:
        return retention.enforce(keeper, cutoffs, needs, Nothing())


def positions(reader):
    return [one.pos for one in reader.read(0, 1000)[0]]


LEFT = [*range(2, 21, 2), *range(41, 51)]


def explained(log, folder):
    """Every sealed position is a row or counted by a tombstone."""
    for file in engines.sealed(log):
        (gone,) = log.db.execute(
            f"SELECT coalesce(sum(rows), 0) FROM tombstone WHERE first_pos = {file.first_pos}"
        ).fetchone()
        assert file.rows + gone == file.last_pos - file.first_pos + 1
        path = folder / "sealed" / file.name
        if file.rows:
            assert (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) == (file.bytes, file.sha256)
        else:
            assert not path.exists()


def test_mixed_files_are_rewritten_and_spent_ones_go(tmp_path):
    log = sealed_log(tmp_path)
    taken = enforce(log)
    assert [(one.first_pos, one.last_pos, one.type, one.rows, one.rule) for one in taken] == [
        (1, 20, TYPE, 10, "test"),
        (21, 40, TYPE, 20, "test"),
    ]
    reader = open_reader(tmp_path)
    for one in (log, reader):
        assert positions(one) == LEFT
        assert one.batch(0, 1000).pos.tolist() == LEFT
        assert [found.pos for found in one.get([1, 2, 19, 20, 30, 41])] == [2, 20, 41]
        assert one.head() == 50
    assert [one.pos for one in reader.read(4, 3)[0]] == [6, 8, 10]
    explained(log, tmp_path)
    assert enforce(log) == []
    log.close()
    log = open_writer(tmp_path)
    assert positions(log) == LEFT
    explained(log, tmp_path)
    assert log.append(events(60, 61))[0].pos == 51
    log.close()


STEPS = [
    (module, name, when)
    for module, name in [
        (writing, "_write_groups"),
        (writing, "_synced_digest"),
        (writing, "_sync"),
        (writing, "write_tables"),
        (engines.manifest, "replace"),
        (retention.pairs, "path"),
    ]
    for when in ("before", "after")
]


@pytest.mark.parametrize(("module", "name", "when"), STEPS)
def test_a_power_cut_at_any_step_loses_nothing_that_stays(tmp_path, monkeypatch, module, name, when):
    log = sealed_log(tmp_path)
    real = getattr(module, name)

    def cut(*args, **kwargs):
        if when == "before":
            raise PowerCut
        real(*args, **kwargs)
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(module, name, cut)
        with pytest.raises(PowerCut):
            enforce(log)
    reader = open_reader(tmp_path)
    assert set(positions(reader)) >= set(LEFT)
    reader.close()
    engines.abandon(log)
    log = open_writer(tmp_path, horizon_us=LONG_AGO)
    assert set(positions(log)) >= set(LEFT)
    explained(log, tmp_path)
    enforce(log)
    assert positions(log) == LEFT
    explained(log, tmp_path)
    log.close()


def test_what_is_needed_stays(tmp_path):
    log = sealed_log(tmp_path)
    assert enforce(log, needs=Needs(0, np.empty(0, dtype=np.int64))) == []  # nobody has read anything yet
    enforce(log, needs=Needs(25, np.array([3, 22])))
    assert positions(log) == [2, 3, *range(4, 21, 2), 22, *range(26, 51)]
    explained(log, tmp_path)
    log.close()


def test_an_events_age_counts_from_when_it_was_stored(tmp_path):
    """A recording of years ago, loaded today, is not old."""
    log = sealed_log(tmp_path)
    assert enforce(log, Before(NOW_US + 10**12)) == []
    log.close()


def test_identities_that_are_remembered_keep_their_file(tmp_path):
    log = open_writer(tmp_path)
    log.append(events(0, 50))
    log.seal(keep=10, through=100)
    assert enforce(log) == []
    log.close()


def test_a_reader_that_looked_before_the_file_was_replaced_looks_again(tmp_path, monkeypatch):
    log = sealed_log(tmp_path)
    reader = open_reader(tmp_path)
    real, first = reading.SealedFiles._file, []

    def replaced_meanwhile(self, name):
        if not first:
            first.append(name)
            enforce(log)
        return real(self, name)

    monkeypatch.setattr(reading.SealedFiles, "_file", replaced_meanwhile)
    assert positions(reader) == LEFT
    reader.close()
    log.close()


def test_a_file_of_an_older_layout_is_brought_up_to_date(tmp_path):
    log = open_writer(tmp_path, horizon_us=LONG_AGO)
    shutil.copy(OLD, tmp_path / "sealed" / OLD.name)
    span = (START_US, START_US + 49 * 60_000_000, START_US)
    engines.name_sealed(log, SealedFile(1, 50, 50, OLD.name, OLD.stat().st_size, "00", *span), remembered=False)
    with log.keeping() as keeper:
        assert retention.modernise(keeper, Known()) == 1
        assert retention.modernise(keeper, Known()) == 0
    (file,) = engines.sealed(log)
    assert (file.layout, file.rows, file.name.endswith("-r1.parquet")) == (layout.LAYOUT, 50, True)
    assert [one.event for one in log.read(0, 100)[0]] == [expected(n) for n in range(50)]
    explained(log, tmp_path)
    log.close()
