"""What a data folder consists of. A name that stands in no list is reported, so that nothing is left out in silence."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from vonglau.core import damages, keyfiles
from vonglau.engines import history
from vonglau.engines.embedded import schema
from vonglau.engines.history.files import FOLDER
from vonglau.web.options import value

SEALED = FOLDER
STATE = "state.db"
LOG = schema.FILE
CHECKPOINTS = "checkpoints.jsonl"
ERASED = "erased"
"""Notes of erasures that people asked for: restored from the newest snapshot, whatever else is."""
FACTS = "facts"
"""The city's own facts; where `VONGLAU_FACTS` names another folder, that one is kept under this name."""


class Kind(StrEnum):
    DATABASE = "database"
    """Copied online, in chunks."""
    KEPT = "kept"
    """Files that are written once and never changed."""
    EXPORT = "export"
    """The audit's exported checkpoints: cut at the last one that the state knows."""
    SECRET = "secret"  # noqa: S105 - a kind, not a password
    """Only with --with-secrets, under a passphrase."""
    LEFT = "left"
    """Of no use in another folder."""
    REBUILT = "rebuilt"
    """Made again by the program, or of this process only."""


PARTS: dict[str, Kind] = {
    STATE: Kind.DATABASE,
    LOG: Kind.DATABASE,
    SEALED: Kind.KEPT,
    "files": Kind.KEPT,
    "originals": Kind.KEPT,
    ERASED: Kind.KEPT,
    FACTS: Kind.KEPT,
    "outbox": Kind.KEPT,
    "models": Kind.KEPT,
    CHECKPOINTS: Kind.EXPORT,
    "secrets": Kind.SECRET,
    keyfiles.SECRET_KEY: Kind.SECRET,
    keyfiles.DOOR_TOKEN: Kind.SECRET,
    keyfiles.VAULT_KEYS: Kind.SECRET,
    damages.FOLDER: Kind.LEFT,
    "imports": Kind.LEFT,
    "rejects": Kind.LEFT,
    schema.LOCK: Kind.REBUILT,
    "cache": Kind.REBUILT,
    "run": Kind.REBUILT,
    "places": Kind.REBUILT,
    "demo-accounts.json": Kind.REBUILT,
    **{f"{name}-{side}": Kind.REBUILT for name in (STATE, LOG) for side in ("wal", "shm", "journal")},
}

_UNFINISHED = (".partial", ".part", ".new", ".tmp")


def unknown(data: Path) -> list[str]:
    """Names in the data folder that this table does not know."""
    return sorted(path.name for path in data.iterdir() if path.name not in PARTS)


def kept(data: Path) -> Iterator[tuple[str, Path]]:
    """(path in the snapshot, file) of everything that is written once; unfinished files are left out."""
    for name, kind in PARTS.items():
        if kind is Kind.KEPT:
            folder = place_of(data, name)
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink() and not unfinished(path.name):
                    yield f"{name}/{path.relative_to(folder).as_posix()}", path


def place_of(data: Path, name: str) -> Path:
    """Where a part lies: history and facts may be on another disk by a setting."""
    if name == SEALED:
        return history.folder(data)
    named = value("VONGLAU_FACTS") if name == FACTS else ""
    return Path(named) if named else data / name


def unfinished(name: str) -> bool:
    return name.startswith(".part-") or name.endswith(_UNFINISHED)


def secrets(data: Path, folder: Path) -> dict[str, Path]:
    """Name → file of the keys: in the folder of secrets, and where earlier releases kept them."""
    found = {name: data / name for name, kind in PARTS.items() if kind is Kind.SECRET and (data / name).is_file()}
    if folder.is_dir():
        found |= {
            path.name: path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")
        }
    return found
