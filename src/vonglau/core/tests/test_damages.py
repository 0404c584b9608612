"""Finds are kept for people, a few of each kind, each once."""

from pathlib import Path

import pytest

from vonglau.core import damages


def test_a_find_is_kept_with_its_file_and_the_same_find_once(tmp_path: Path) -> None:
    file = tmp_path / "x.db-wal"
    file.write_bytes(b"as it was")
    first = damages.put(tmp_path, "x.db-wal", "torn.", copy=file, settled=False)
    again = damages.put(tmp_path, "x.db-wal", "torn.", copy=file, settled=False)
    assert first == again
    assert damages.notes(tmp_path) == [first]
    assert (tmp_path / damages.FOLDER / first.kept).read_bytes() == b"as it was"
    damages.settle(tmp_path, first)
    (note,) = damages.notes(tmp_path)
    assert note.settled


def test_the_newest_few_of_each_kind_stay(tmp_path: Path) -> None:
    damages.put(tmp_path, "other", "0")
    for n in range(damages.KEPT + 3):
        (tmp_path / "x").write_bytes(b"x" * (n + 1))
        damages.put(tmp_path, "x", str(n), copy=tmp_path / "x")
    assert [note.said for note in damages.notes(tmp_path, "x")] == [str(n) for n in range(3, damages.KEPT + 3)]
    assert len(damages.notes(tmp_path)) == damages.KEPT + 1
    assert len(list((tmp_path / damages.FOLDER).iterdir())) == 2 * damages.KEPT + 1


def test_what_is_too_large_is_noted_without_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damages, "COPY_BYTES", 3)
    (tmp_path / "x").write_bytes(b"four")
    assert damages.put(tmp_path, "x", "large", copy=tmp_path / "x").kept == ""


def test_what_is_no_note_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / damages.FOLDER
    folder.mkdir()
    for name, text in (("a.json", "{}"), ("b.json", "no"), ("c.json", "[]"), ("mine.txt", "x")):
        (folder / name).write_text(text)
    assert damages.notes(tmp_path) == []
