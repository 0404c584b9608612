"""Where sealed files are, what the manifest says of each, and how the manifest is asked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import Protocol

from vonglau.core.errors import StorageFull, Unavailable

SETTING = "VONGLAU_HISTORY"
FOLDER = "sealed"
"""In the data folder, unless `SETTING` names another place: history outgrows the disk that the tail wants to be fast."""

SUFFIX = ".parquet"


def folder(data_dir: Path) -> Path:
    """The folder of this installation's sealed files."""
    own = os.environ.get(SETTING)
    return Path(own).resolve() if own else data_dir / FOLDER


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One row of the manifest. Positions `first_pos` to `last_pos` are read from this file, and from nowhere else."""

    first_pos: int
    last_pos: int
    rows: int
    name: str
    bytes: int
    sha256: str
    """Hexadecimal."""
    min_time_us: int
    """Oldest and latest event time in it, µs: a question about a period opens only files that may hold it."""
    max_time_us: int
    last_recorded_us: int
    world: str = ""
    """The only world in it: questions about another need not open it. Empty when there are several, or it is not known."""
    layout: int = 1
    """See `layout.py`."""


class Manifest(Protocol):
    """One consistent look at the manifest, together with the tail beyond its border (one transaction of the log's database)."""

    def border(self) -> int:
        """Positions up to here are read from sealed files, beyond it from the tail; 0 when nothing is sealed."""

    def at_or_after(self, pos: int) -> SealedFile | None:
        """The file that holds this position, or the first one beyond it."""

    def files(self) -> list[SealedFile]:
        """Every file, oldest positions first."""

    def candidates(self) -> list[SealedFile]:
        """Files that retention may touch: with rows, and beyond the horizon of identities; oldest positions first."""


@contextmanager
def system_errors() -> Iterator[None]:
    """The system's errors as ours, chained: a full disk, a folder that cannot be used."""
    try:
        yield
    except OSError as error:
        raise from_system(error) from error


def from_system(error: OSError) -> Unavailable:
    if error.errno in (ENOSPC, EDQUOT, EFBIG):
        return StorageFull()
    return Unavailable(f"The log's folder cannot be used ({error}); nothing was kept, try again.")


def require(folder: Path, file: SealedFile) -> None:
    """Before a manifest row is committed: the file it names is there as it was written, or nothing is recorded. Raises `Unavailable`.

    Whoever wrote it may have been away meanwhile, and another door at work in the same folder.
    """
    if not file.rows:
        return
    with system_errors():
        path = folder / file.name
        if not path.exists() or path.stat().st_size != file.bytes:
            raise Unavailable(
                f"Sealed file {file.name} is not there as it was written; it was not recorded, try again."
            )


def remove_orphans(folder: Path, known: set[str]) -> None:
    """Remove what a crash left: files that no manifest row names. The caller holds the writer's lock."""
    for path in folder.iterdir():
        if path.name.endswith(SUFFIX) and path.name not in known:
            path.unlink()
