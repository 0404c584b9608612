"""The store of pieces: what is written once, what a damage looks like, what a full disk and a crash leave."""

import io
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vonglau.core.errors import BadInput, Broken, NotFound, Unavailable
from vonglau.web.backups import keeping, manifest, strongbox, verify
from vonglau.web.backups.manifest import Piece, Positions, Snapshot
from vonglau.web.backups.store import CHUNK, Store

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)


def snapshot(files: list[Piece], at: datetime = NOW) -> Snapshot:
    return Snapshot(
        id=manifest.id_of(at),
        installation="i",
        tool="0",
        engine="sqlite",
        began_at=at,
        state_at=at,
        log_at=at,
        ended_at=at,
        layouts={},
        positions=Positions(0, 0, 0, 0, 0, {}),
        counts={},
        files=files,
        settings={},
        secrets=False,
        left_out=[],
        new_bytes=0,
    )


def kept(store: Store, content: bytes, at: datetime = NOW, name: str = "state.db") -> tuple[Snapshot, int]:
    """A snapshot of one chunked file; how many bytes it added."""
    with store.writing():
        store.make("i")
        made = snapshot([store.add_chunked(io.BytesIO(content), name)], at)
        store.commit(made)
        return made, store.new_bytes


def pages(count: int, seed: int = 0) -> bytearray:
    return bytearray(b"".join(bytes([n % 256, seed]) * (CHUNK // 2) for n in range(count)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "backups")


def test_a_file_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    content = bytes(pages(5)) + b"the end"
    made, _new = kept(store, content)
    store.write_out(made.files[0], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content
    assert verify.pieces(store) == ([], len(content))


@pytest.mark.parametrize("content", [b"", b"x", bytes(CHUNK), bytes(CHUNK + 1)])
def test_files_of_every_length_do(store: Store, tmp_path: Path, content: bytes) -> None:
    made, _new = kept(store, content)
    store.write_out(made.files[0], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content


def test_a_page_changed_in_place_costs_one_chunk(store: Store) -> None:
    content = bytearray(os.urandom(20 * CHUNK))
    _made, first = kept(store, bytes(content))
    content[3 * CHUNK + 7] ^= 1
    _made, second = kept(store, bytes(content), NOW + timedelta(minutes=5))
    _made, third = kept(store, bytes(content), NOW + timedelta(minutes=10))
    assert first > 20 * CHUNK
    assert second < 2 * CHUNK
    assert third == 0


def test_a_small_file_and_a_chunk_of_the_same_bytes_are_one_piece(store: Store, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"same bytes")
    with store.writing():
        store.make("i")
        whole = store.add_file(tmp_path / "photo", "files/photo")
        chunked = store.add_chunked(io.BytesIO(b"same bytes"), "state.db")
        store.commit(snapshot([whole, chunked]))
    for piece in (whole, chunked):
        store.write_out(piece, tmp_path / "out" / piece.path)
        assert (tmp_path / "out" / piece.path).read_bytes() == b"same bytes"


def test_a_damaged_piece_is_named_with_the_file_it_belongs_to(store: Store, tmp_path: Path) -> None:
    made, _new = kept(store, bytes(pages(4)))
    victim = max(store.objects.glob("*/*.zst"), key=lambda path: path.stat().st_size)
    raw = bytearray(victim.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    victim.write_bytes(raw)
    wrong, _size = verify.pieces(store)
    assert len(wrong) == 1
    assert victim.name.removesuffix(".zst") in wrong[0]
    assert "state.db" in wrong[0]
    assert made.id in wrong[0]
    with pytest.raises(Broken, match=r"state\.db"):
        store.write_out(made.files[0], tmp_path / "out")
    victim.unlink()
    assert "is missing" in verify.pieces(store)[0][0]


def test_a_damaged_whole_file_is_too(store: Store, tmp_path: Path) -> None:
    (tmp_path / "part.parquet").write_bytes(os.urandom(100_000))
    with store.writing():
        store.make("i")
        piece = store.add_file(tmp_path / "part.parquet", "sealed/part.parquet")
        store.commit(snapshot([piece]))
    (victim,) = store.objects.glob("*/*")
    victim.write_bytes(victim.read_bytes()[:-1])
    assert "sealed/part.parquet" in verify.pieces(store)[0][0]


def test_a_damaged_manifest_is_told_and_the_others_are_still_there(store: Store) -> None:
    first, _new = kept(store, b"one")
    second, _new = kept(store, b"two", NOW + timedelta(hours=1))
    path = store.snapshots / f"{second.id}.json"
    path.write_text(path.read_text().replace('"log_head": 0', '"log_head": 9').replace('"log_head":0', '"log_head":9'))
    good, bad = keeping.readable(store)
    assert [one.id for one in good] == [first.id]
    assert second.id in bad
    assert store.newest() == first
    with pytest.raises(Broken, match="not as it was written"):
        keeping.prune(store, keep=1)
    assert first.id in store.names(), "what a damaged manifest needs is unknown: nothing may go"


def test_pruning_frees_what_only_the_old_needed(store: Store) -> None:
    old, _new = kept(store, os.urandom(3 * CHUNK))
    new, _new = kept(store, os.urandom(3 * CHUNK), NOW + timedelta(hours=1))
    gone, freed = keeping.prune(store, keep=1)
    assert gone == [old.id]
    assert freed > 3 * CHUNK
    assert verify.pieces(store)[0] == []
    assert store.names() == [new.id]


def test_thinning_keeps_the_last_of_each_day_and_all_of_the_last() -> None:
    every = [snapshot([], NOW - timedelta(hours=hours)) for hours in range(0, 24 * 4, 6)]
    gone = keeping.chosen(every, NOW, thin=True)
    stay = sorted({one.state_at for one in every} - {one.state_at for one in gone})
    assert stay[-5:] == sorted(NOW - timedelta(hours=hours) for hours in (0, 6, 12, 18, 24))
    assert len({at.date() for at in stay[:-5]}) == len(stay[:-5])
    assert keeping.chosen(every, NOW, days=1) == sorted(
        (one for one in every if one.state_at < NOW - timedelta(days=1)), key=lambda one: one.state_at
    )
    assert len(keeping.chosen(every, NOW, keep=1)) == len(every) - 1
    assert keeping.chosen(every[:1], NOW + timedelta(days=900), days=1) == [], "the newest always stays"


def test_one_installation_to_a_folder_and_one_writer_at_a_time(store: Store) -> None:
    kept(store, b"x")
    with pytest.raises(BadInput, match="another installation"), store.writing():
        store.make("another")
    with store.writing(), pytest.raises(Unavailable, match="under way"), Store(store.folder).writing():
        pass
    with pytest.raises(NotFound, match="no backups"):
        Store(store.folder / "nowhere").mark()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(BadInput, match="no backup"), Store(tmp_path).writing():
        Store(tmp_path).make("i")
    assert (tmp_path / "letter.txt").exists()


FULL = """
import io, os, resource, signal, sys
from vonglau.core.errors import StorageFull
from vonglau.web.backups.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
store = Store(__import__("pathlib").Path(sys.argv[1]))
try:
    with store.writing():
        store.add_chunked(io.BytesIO(os.urandom(500_000)), "state.db")
        store.sync()
except StorageFull as full:
    print(full.message)
    sys.exit(7)
"""


def test_a_full_disk_leaves_the_snapshots_before_whole(store: Store) -> None:
    """A limit on the size of files stands for the disk: the system refuses the write in the same way."""
    made, _new = kept(store, bytes(pages(3)))
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(store.folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 7, done.stdout + done.stderr
    assert "no snapshot was made" in done.stdout
    assert store.names() == [made.id]
    assert verify.pieces(store)[0] == []
    assert not store.tmp.exists()


def test_keys_open_with_their_passphrase_alone() -> None:
    sealed = strongbox.seal({"vault.keys": "k"}, "correct horse battery")
    assert b"vault" not in sealed
    assert strongbox.open(sealed, "correct horse battery") == {"vault.keys": "k"}
    with pytest.raises(BadInput, match="another passphrase"):
        strongbox.open(sealed, "correct horse batterz")
    with pytest.raises(BadInput, match="another passphrase"):
        strongbox.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "correct horse battery")
    with pytest.raises(BadInput, match="fewer"):
        strongbox.seal({}, "short")
