"""The folder that holds backups: pieces under their SHA-256, snapshots by time, one writer at a time.

Whatever has its final name is whole: pieces are written under `tmp/`, synced, then renamed; the manifest last. A crash leaves pieces
that no snapshot names (the next backup uses them, `prune` removes them) and files in `tmp/` (the next writer removes them).
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import IO

import msgspec
import pyarrow as pa

from vonglau.core.errors import BadInput, Broken, NotFound, StorageFull, Unavailable
from vonglau.web.backups import manifest
from vonglau.web.backups.manifest import FORMAT, Piece, Snapshot

CHUNK = 64 * 1024
"""Bytes of a database's chunk: a whole number of SQLite pages, so that a page changed in place changes one chunk."""
_BATCH = 256
"""Pieces that are synced together: the first sync of a batch carries most of the others."""
_COPY = 1024 * 1024
_COMPRESSED = ".zst"


class _Mark(msgspec.Struct):
    format: int
    installation: str


@contextmanager
def readable(what: str) -> Iterator[None]:
    """The system's errors as ours: a full disk apart from everything else."""
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT, EFBIG):
            raise StorageFull(
                f"No room left for {what} ({error.strerror}): no snapshot was made, those made before are whole. "
                "Free space there, prune old snapshots, or use a larger disk."
            ) from error
        raise Unavailable(f"{what[:1].upper()}{what[1:]} cannot be used ({error}).") from error


class Store:
    """`open` an existing one, or `make` it. Reading needs no lock; `writing` and `prune` hold it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects, self.snapshots, self.tmp = folder / "objects", folder / "snapshots", folder / "tmp"
        self._have: set[str] = set()
        self._waiting: list[tuple[Path, Path]] = []
        self.new_bytes = 0
        """Added since the lock was taken."""

    # the folder itself

    def exists(self) -> bool:
        return (self.folder / "store.json").exists()

    def mark(self) -> str:
        """The installation whose backups these are. Raises `NotFound` for a folder without any, `Broken` for a later format."""
        try:
            raw = (self.folder / "store.json").read_bytes()
        except OSError as missing:
            raise NotFound(
                f"{self.folder} holds no backups ({missing.strerror}): check the path, or make one with `vonglau backup`."
            ) from missing
        try:
            mark = msgspec.json.decode(raw, type=_Mark)
        except msgspec.DecodeError as damaged:
            raise Broken(f"{self.folder}/store.json is damaged: {damaged}.") from damaged
        if mark.format != FORMAT:
            raise Broken(f"{self.folder} has format {mark.format}, this program reads {FORMAT}: use a newer program.")
        return mark.installation

    def make(self, installation: str) -> None:
        """Make the folder, or make sure that it is this installation's."""
        if self.exists():
            if self.mark() != installation:
                raise BadInput(f"{self.folder} holds the backups of another installation: give each its own folder.")
            return
        if self.folder.exists() and any(
            one.name not in {"lock", "objects", "snapshots", "tmp"} for one in self.folder.iterdir()
        ):
            raise BadInput(f"{self.folder} holds something that is no backup: give an empty or a new folder.")
        with readable("the backup folder"):
            for folder in (self.objects, self.snapshots, self.tmp):
                folder.mkdir(parents=True, exist_ok=True)
            self.put(self.folder / "store.json", msgspec.json.encode(_Mark(FORMAT, installation)))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time; what a killed one left is removed. Raises `Unavailable` when another is at work."""
        with readable("the backup folder"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            held = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as taken:
                raise Unavailable(
                    f"Another backup into {self.folder} is under way: wait for it, or stop it."
                ) from taken
            shutil.rmtree(self.tmp, ignore_errors=True)
            with readable("the backup folder"):
                self.tmp.mkdir(parents=True, exist_ok=True)
            self._have = {path.name for path in self.objects.glob("*/*")} if self.objects.exists() else set()
            self._waiting, self.new_bytes = [], 0
            yield
        finally:
            shutil.rmtree(self.tmp, ignore_errors=True)
            os.close(held)

    # pieces in

    def has(self, digest: str) -> bool:
        return digest in self._have or digest + _COMPRESSED in self._have

    def add_file(self, source: Path, path: str) -> Piece:
        """A file that never changes, as one object. Raises `FileNotFoundError` when it is gone."""
        hasher, size = hashlib.sha256(), 0
        fresh = self.tmp / f"file-{len(self._waiting)}"
        with source.open("rb") as file:
            about = os.fstat(file.fileno())
            with readable("the backup"), fresh.open("wb") as out:
                while block := file.read(_COPY):
                    hasher.update(block)
                    out.write(block)
                    size += len(block)
        digest = hasher.hexdigest()
        self._keep(fresh, digest, digest, size)
        return Piece(path, size, digest, about.st_mtime_ns)

    def add_chunked(self, file: IO[bytes], path: str) -> Piece:
        """A file of which parts change from one backup to the next, in compressed chunks."""
        hasher, size, digests = hashlib.sha256(), 0, []
        while block := file.read(CHUNK):
            hasher.update(block)
            size += len(block)
            digests.append(self.add_bytes(block))
        listed = self.add_bytes(bytes.fromhex("".join(digests)))
        return Piece(path, size, hasher.hexdigest(), chunks=listed)

    def add_bytes(self, data: bytes) -> str:
        """One compressed object; its digest."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.has(digest):
            packed = pa.compress(data, codec="zstd", asbytes=True)
            fresh = self.tmp / f"piece-{len(self._waiting)}"
            with readable("the backup"):
                fresh.write_bytes(packed)
            self._keep(fresh, digest + _COMPRESSED, digest, len(packed))
        return digest

    def _keep(self, fresh: Path, name: str, digest: str, size: int) -> None:
        if self.has(digest):
            fresh.unlink()
            return
        self._have.add(name)
        self._waiting.append((fresh, self._place(name)))
        self.new_bytes += size
        if len(self._waiting) >= _BATCH:
            self.sync()

    def sync(self) -> None:
        """Make what was added durable, and only then give it its name."""
        with readable("the backup"):
            for fresh, _final in self._waiting:
                _sync(fresh)
            folders = {final.parent for _fresh, final in self._waiting}
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            for fresh, final in self._waiting:
                fresh.rename(final)
            for folder in folders:
                _sync(folder)
        self._waiting = []

    def commit(self, snapshot: Snapshot) -> None:
        """The step that counts: from this rename on the snapshot exists."""
        self.sync()
        with readable("the backup"):
            _sync(self.objects)
            self.put(self.snapshots / f"{snapshot.id}.json", manifest.encode(snapshot))

    def put(self, final: Path, data: bytes) -> None:
        fresh = self.tmp / final.name
        fresh.write_bytes(data)
        _sync(fresh)
        fresh.rename(final)
        _sync(final.parent)

    # pieces out

    def _place(self, name: str) -> Path:
        return self.objects / name[:2] / name

    def write_out(self, piece: Piece, target: Path) -> None:
        """The file as it was, durable; every object and the whole are compared with their digests. Raises `Broken`, naming what is."""
        hasher = hashlib.sha256()
        target.parent.mkdir(parents=True, exist_ok=True)
        with readable("the restored file"), target.open("xb") as out:
            for block in self.blocks(piece):
                hasher.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if hasher.hexdigest() != piece.sha256:
            raise Broken(
                f"{piece.path} is not as it was backed up: use another snapshot, and look at the backup's disk."
            )
        if piece.mtime_ns:
            os.utime(target, ns=(piece.mtime_ns, piece.mtime_ns))

    def blocks(self, piece: Piece) -> Iterator[bytes]:
        """The file's bytes. Raises `Broken` for an object that is missing or changed."""
        if not piece.chunks:
            yield from self._whole(piece)
            return
        listed, left = self.read(piece.chunks, piece.path), piece.size
        for start in range(0, len(listed), 32):
            block = self.read(listed[start : start + 32].hex(), piece.path, min(CHUNK, left))
            left -= len(block)
            yield block

    def _whole(self, piece: Piece) -> Iterator[bytes]:
        if not self._place(piece.sha256).exists():  # a small file may have been met as a chunk before
            yield self.read(piece.sha256, piece.path, piece.size)
            return
        hasher = hashlib.sha256()
        with readable(f"{piece.path} in the backup"), self._place(piece.sha256).open("rb") as file:
            while block := file.read(_COPY):
                hasher.update(block)
                yield block
        if hasher.hexdigest() != piece.sha256:
            raise _damaged(piece.sha256, piece.path)

    def read(self, digest: str, path: str, size: int | None = None) -> bytes:
        """A compressed object. `size` where it is known, bytes."""
        place, plain = self._place(digest + _COMPRESSED), self._place(digest)
        try:
            if plain.exists():  # the same bytes were met as a whole file before
                data = plain.read_bytes()
            else:
                with pa.CompressedInputStream(pa.OSFile(str(place)), "zstd") as stream:
                    data = bytes(stream.read())
        except FileNotFoundError as missing:
            raise _damaged(digest, path, "is missing") from missing
        except (OSError, pa.ArrowException) as error:
            raise _damaged(digest, path) from error
        if hashlib.sha256(data).hexdigest() != digest or size not in (None, len(data)):
            raise _damaged(digest, path)
        return data

    # snapshots

    def names(self) -> list[str]:
        """Ids of the snapshots, oldest first."""
        return sorted(path.stem for path in self.snapshots.glob("*.json"))

    def snapshot(self, id: str) -> Snapshot:
        """Raises `NotFound`, or `Broken` for one that is damaged."""
        try:
            raw = (self.snapshots / f"{id}.json").read_bytes()
        except OSError as missing:
            raise NotFound(
                f"There is no snapshot {id!r} in {self.folder}; `vonglau backup list` names them."
            ) from missing
        return manifest.decode(raw, id)

    def newest(self) -> Snapshot | None:
        """The last readable one: what the next backup builds on."""
        for name in reversed(self.names()):
            try:
                return self.snapshot(name)
            except Broken:
                continue
        return None

    def named_by(self, snapshot: Snapshot) -> Iterator[str]:
        """Digests of every object that a snapshot needs."""
        for piece in snapshot.files:
            if not piece.chunks:
                yield piece.sha256
                continue
            yield piece.chunks
            listed = self.read(piece.chunks, piece.path)
            yield from (listed[start : start + 32].hex() for start in range(0, len(listed), 32))

    def sweep(self) -> tuple[int, int]:
        """Remove the objects that no snapshot names: how many, bytes. The caller holds the lock.

        Raises `Broken` when a manifest or a list cannot be read: what it needs is unknown, so nothing is removed.
        """
        needed = {digest for name in self.names() for digest in self.named_by(self.snapshot(name))}
        removed = freed = 0
        for path in list(self.objects.glob("*/*")):
            if path.name.removesuffix(_COMPRESSED) not in needed:
                freed += path.stat().st_size
                path.unlink()
                removed += 1
        return removed, freed


def _damaged(digest: str, path: str, what: str = "is damaged") -> Broken:
    return Broken(
        f"A piece of {path} {what}: objects/{digest[:2]}/{digest}. Use another snapshot, look at the backup's disk, and make a new backup."
    )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
