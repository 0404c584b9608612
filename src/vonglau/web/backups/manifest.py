"""What a snapshot says about itself: one JSON file, vouched for by its own digest."""

import hashlib
from datetime import UTC, datetime

import msgspec

from vonglau.core.errors import Broken

FORMAT = 1
"""Of the store and its manifests. A later program reads earlier formats; an earlier one refuses later ones."""


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of the installation."""

    path: str
    """Relative to the data folder, with slashes."""
    size: int
    sha256: str
    mtime_ns: int = 0
    chunks: str = ""
    """Object that lists the SHA-256 (32 bytes each) of the file's chunks in order; absent: the file is one object."""


class Positions(msgspec.Struct, frozen=True):
    """Where the databases stood. Every event acknowledged up to `log_head` is in the snapshot."""

    log_head: int
    sealed_through: int
    quarantine: int
    """Largest id."""
    checkpoint: int
    """Number of the last audit checkpoint."""
    change: int
    """Last position of the change stream."""
    readers: dict[str, int]
    """Cursors: how far each detector's state reaches."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A backup. Times are UTC."""

    format: int = FORMAT
    id: str
    installation: str
    """Digest of the log's own secret: the same through upgrades and restores."""
    tool: str
    """Version of the program that made it."""
    engine: str
    """sqlite | postgresql"""
    began_at: datetime
    state_at: datetime
    """The moment whose state (people's decisions, alerts, detectors) it holds."""
    log_at: datetime
    """The moment whose log it holds; never before `state_at`."""
    ended_at: datetime
    layouts: dict[str, str]
    """`log` and, by Django app, the last migration of the state."""
    positions: Positions
    counts: dict[str, int]
    """Rows of the tables people ask about."""
    files: list[Piece]
    settings: dict[str, str]
    """Settings of the process that made it, less addresses with passwords: to be compared by who restores."""
    secrets: bool
    """Whether the keys are in it, sealed under a passphrase."""
    left_out: list[str]
    """What stood in the data folder and is of no known kind."""
    new_bytes: int
    """Bytes that this backup added to the store."""

    @property
    def bytes(self) -> int:
        return sum(piece.size for piece in self.files)

    def piece(self, path: str) -> Piece | None:
        return next((one for one in self.files if one.path == path), None)


class _Sealed(msgspec.Struct):
    sha256: str
    snapshot: msgspec.Raw


def encode(snapshot: Snapshot) -> bytes:
    body = msgspec.json.format(msgspec.json.encode(snapshot), indent=1)
    return msgspec.json.encode(_Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body)))


def decode(raw: bytes, name: str) -> Snapshot:
    """Raises `Broken` for a manifest that is not as it was written, or of a later format."""
    try:
        sealed = msgspec.json.decode(raw, type=_Sealed)
        body = bytes(sealed.snapshot)
        if hashlib.sha256(body).hexdigest() != sealed.sha256:
            raise Broken(f"Snapshot {name} is not as it was written: use another one, and look at the disk it lies on.")
        said = msgspec.json.decode(body).get("format")
        if said != FORMAT:
            raise Broken(f"Snapshot {name} has format {said}, this program reads {FORMAT}: use a newer program.")
        return msgspec.json.decode(body, type=Snapshot)
    except (msgspec.DecodeError, AttributeError) as damaged:
        raise Broken(
            f"Snapshot {name} cannot be read ({damaged}): use another one, and look at the disk it lies on."
        ) from damaged


def id_of(at: datetime) -> str:
    """Sorts by time; to the millisecond, so that two never meet."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"
