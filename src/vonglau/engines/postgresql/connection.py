"""One way to connect to the log's schema, and one place where PostgreSQL's errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import errors

from vonglau.core.errors import Broken, StorageFull, Unavailable
from vonglau.engines.database import Database

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 10
LOCK_SECONDS = 5
NOTICED_SECONDS = 5
"""How soon a peer that is gone without a word is noticed: keep-alives and unacknowledged data, on TCP."""

_FULL = (errors.DiskFull, errors.ConfigurationLimitExceeded)
_DAMAGED = (errors.DataCorrupted, errors.IndexCorrupted)


def connect(database: Database, name: str, *, readonly: bool = False) -> Connection:
    """A connection in autocommit mode whose tables are the log's. Commits are durable whatever the server's default is.

    Callers see to it that one thread at a time uses it. Raises `Unavailable` when the server does not answer.
    """
    parameters = database.parameters()
    ours = {
        "search_path": database.log_schema,
        "synchronous_commit": "on",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "timezone": "UTC",
        "default_transaction_read_only": "on" if readonly else "off",
    }
    said = parameters.pop("options", "")
    parameters["options"] = " ".join([said, *(f"-c {key}={value}" for key, value in ours.items())]).strip()
    for key, value in (
        ("connect_timeout", CONNECT_SECONDS),
        ("keepalives_idle", NOTICED_SECONDS),
        ("keepalives_interval", 1),
        ("keepalives_count", NOTICED_SECONDS),
        ("tcp_user_timeout", NOTICED_SECONDS * 2000),
    ):
        parameters.setdefault(key, str(value))
    parameters["application_name"] = name
    parameters["client_encoding"] = "UTF8"
    with translated():
        return psycopg.connect(**parameters, autocommit=True)  # type: ignore[arg-type]


@contextmanager
def translated() -> Iterator[None]:
    """PostgreSQL's errors as ours, chained: full disk, lost or refused connection, lock, damage."""
    try:
        yield
    except _FULL as error:
        raise StorageFull from error
    except _DAMAGED as error:
        raise Broken(f"The event log is damaged ({_said(error)}); restore it from a backup.") from error
    except (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure) as error:
        raise Unavailable("The event log is locked by another process; nothing was kept, try again.") from error
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        raise Unavailable(f"The database does not let us ({_said(error)}); nothing was kept.") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        # A session that is lost while it commits leaves open whether it did: "nothing was kept" would be more than we know.
        raise Unavailable(
            f"The database cannot be reached ({_said(error)}); try again: what is sent twice is stored once."
        ) from error


def _said(error: psycopg.Error) -> str:
    """The first line of what the server or libpq says. It names host, user and database, never a password."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
