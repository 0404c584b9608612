"""Files that hold secrets: made once, readable by their owner only, in a folder outside the databases.

The folder is `VONGLAU_SECRETS`, or `secrets/` of the data folder. A folder of systemd's `LoadCredential` will do: nothing is made
there, so what is missing is named. Knows no Django: settings are read with it.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from vonglau.core.errors import Locked

SECRET_KEY = "secret.key"  # noqa: S105 - a file's name
"""What signs cookies and one-time links."""
DOOR_TOKEN = "door.token"  # noqa: S105 - a file's name
"""By which our own processes reach the door."""
VAULT_KEYS = "vault.keys"
"""The keyring of `core.vault`."""

EVERYBODY = 0o007
GROUP = 0o070


def folder(data: Path, named: str = "") -> Path:
    """Where the secrets of an installation lie."""
    return Path(named).expanduser().resolve() if named else data / "secrets"


def _handed_over(path: Path) -> bool:
    """Whether systemd put it there: it guards the folder itself, and its access lists look like a group's rights."""
    given = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(given) and path.resolve().is_relative_to(Path(given).resolve())


def loose(path: Path) -> str:
    """What is wrong with a file's or folder's rights, in words; "" when they are tight."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (EVERYBODY if _handed_over(path) else EVERYBODY | GROUP):
        wanted = "0700" if path.is_dir() else "0600"
        return f"{path} may be read or changed by others (mode {mode:04o}): run `chmod {wanted} {path}`."
    return ""


def all_loose(place: Path) -> Iterator[str]:
    """Every complaint about a folder of secrets and what is in it."""
    if place.is_dir():
        yield from (words for path in (place, *sorted(place.iterdir())) if (words := loose(path)))


def read(path: Path) -> str:
    """A secret's text. Raises Locked when it is missing, unreadable or open to others."""
    try:
        if words := loose(path):
            raise Locked(words)
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as missing:
        raise Locked(
            f"{path} is missing. Restore it from where you keep secrets (a backup of the data folder holds it unless you moved it), "
            "or name the right folder with VONGLAU_SECRETS."
        ) from missing
    except OSError as problem:
        raise Locked(f"{path} cannot be read ({problem.strerror}): it must belong to who runs vonglau.") from problem


def write(path: Path, text: str) -> None:
    """Put a secret in place, whole or not at all; what was there is replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as problem:
        fresh.unlink(missing_ok=True)
        raise Locked(
            f"{path} cannot be written ({problem.strerror}): make it by hand, or name another folder with VONGLAU_SECRETS."
        ) from problem


def read_or_make(path: Path, make: Callable[[], str], *, formerly: Path | None = None) -> str:
    """A secret's text; made on first use. One that an earlier release kept elsewhere is moved here, or read there.

    Two processes may come at once: the file that is there first stays.
    """
    if not path.exists():
        if formerly is not None and formerly.exists():
            if not os.access(path.parent if path.parent.exists() else path.parent.parent, os.W_OK):
                return formerly.read_text(encoding="utf-8").strip()
            write(path, formerly.read_text(encoding="utf-8").strip())
            formerly.unlink(missing_ok=True)
            return read(path)
        _make(path, make())
    return read(path)


def _make(path: Path, text: str) -> None:
    """Like `write`, but never over a file that another process made meanwhile."""
    own = path.with_name(f".{path.name}.{os.getpid()}.new")
    write(own, text)
    try:
        os.link(own, path)
    except FileExistsError:
        pass
    finally:
        own.unlink(missing_ok=True)
