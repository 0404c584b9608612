"""The one setting that chooses the engine: a PostgreSQL address, or none for files in the data folder.

It comes from the environment (`VONGLAU_DATABASE`, or `VONGLAU_DATABASE_FILE` naming a file that holds it), else from the file
`database.url` that `vonglau init` leaves among the installation's secrets. An address may hold a password, so it is never shown, logged or
passed on a command line: `str()` gives host and name alone.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from vonglau.core import keyfiles
from vonglau.core.errors import BadInput, Unavailable

VARIABLE = "VONGLAU_DATABASE"
FILE_VARIABLE = "VONGLAU_DATABASE_FILE"
REMEMBERED = "database.url"

LOG_SCHEMA = "vonglau_log"
STATE_SCHEMA = "vonglau_state"
SCHEMA = "SCHEMA"
"""The member of Django's DATABASES that says in which schema the state's tables stand."""

_SCHEMES = ("postgresql://", "postgres://")
_EXPECTED = "an address such as postgresql://user:password@host:5432/vonglau"


@dataclass(frozen=True, slots=True)
class Database:
    """One PostgreSQL database: the log in a schema of its own, Django's state in another."""

    url: str = field(repr=False)
    log_schema: str = LOG_SCHEMA
    state_schema: str = STATE_SCHEMA

    def parameters(self) -> dict[str, str]:
        """libpq's connection parameters, without our own. Raises BadInput, never with the address in it."""
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        try:
            found = {name: str(value) for name, value in conninfo_to_dict(self.url).items() if value is not None}
        except ProgrammingError:
            raise BadInput(f"{VARIABLE} cannot be read: give {_EXPECTED}.") from None
        if not found.get("dbname") and not found.get("service"):
            raise BadInput(f"{VARIABLE} names no database: give {_EXPECTED}.")
        return found

    def __str__(self) -> str:
        found = self.parameters()
        if "service" in found:
            return f"PostgreSQL service {found['service']}"
        return f"PostgreSQL database {found['dbname']} on {found.get('host', 'this machine')}"


def advisory_key(what: str, schema: str) -> int:
    """The key of an advisory lock: keys are private to a database, and several installations may share one, each in its own schemas."""
    digest = hashlib.blake2b(f"{what} {schema}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def address(text: str) -> Database | None:
    """What the setting says; None when it is empty. Raises ValueError with what is expected."""
    text = text.strip()
    if not text:
        return None
    if not text.startswith(_SCHEMES):
        raise ValueError(_EXPECTED)
    found = Database(text)
    try:
        found.parameters()
    except BadInput as wrong:
        raise ValueError(wrong.message) from None
    return found


def remembered(data: Path | str) -> Path:
    """Where `vonglau init` keeps the address: among the secrets, because it may hold a password."""
    return keyfiles.folder(Path(data), os.environ.get("VONGLAU_SECRETS", "")) / REMEMBERED


def database_of(data: Path | str) -> Database | None:
    """The database of the installation whose data folder this is; None: files in that folder.

    Raises BadInput for an address that cannot be used, Unavailable for a file that cannot be read.
    """
    said, where = os.environ.get(VARIABLE, ""), VARIABLE
    if not said:
        named = os.environ.get(FILE_VARIABLE, "")
        file = Path(named) if named else remembered(data)
        where = str(file)
        try:
            said = file.read_text(encoding="utf-8") if named or file.exists() else ""
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{file}, which names the database, cannot be read: {type(error).__name__}.") from error
    try:
        return address(said)
    except ValueError as wrong:
        raise BadInput(f"{where} cannot be used: {wrong}.") from None


def remember(data: Path | str, database: Database) -> None:
    """Keep the address, so that later commands find it by themselves. Raises `Locked` when it cannot be kept."""
    keyfiles.write(remembered(data), database.url + "\n")


def has_password(text: str) -> bool:
    """Whether an address holds a password: such a one must not stand on a command line, where every user can read it."""
    found = address(text)
    return found is not None and "password" in found.parameters()
