"""Django's DATABASES for the engine that the setting chooses."""

from pathlib import Path
from typing import Any

from django.db.models.signals import pre_migrate

from vonglau.core.errors import BadInput
from vonglau.engines.database import SCHEMA, Database

STATE_FILE = "state.db"
LOCK_SECONDS = 20
"""How long a write waits for its turn."""

_SQLITE_INIT = (
    # FULL, because acknowledged means durable: NORMAL may lose the last commits at power loss.
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; "
    "PRAGMA journal_size_limit=67108864; PRAGMA foreign_keys=ON;"
)


def state(data: Path, database: Database | None) -> dict[str, Any]:
    """The state's connection. Raises BadInput for a folder that holds the state in files when a database is set as well."""
    if database is None:
        return _files(data)
    if (data / STATE_FILE).exists():
        raise BadInput(
            f"{data} holds an installation in files, and VONGLAU_DATABASE names a database: "
            "take the setting away, or use another data folder."
        )
    return _postgresql(database)


def _files(data: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": data / STATE_FILE,
        "CONN_MAX_AGE": None,
        # A deferred transaction that has read cannot wait to write: it would fail at once, whatever the timeout.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": LOCK_SECONDS, "init_command": _SQLITE_INIT},
    }


def _postgresql(database: Database) -> dict[str, Any]:
    options = database.parameters()
    said = options.pop("options", "")
    ours = {
        "search_path": database.state_schema,
        "synchronous_commit": "on",  # acknowledged means durable, whatever the server's default is
        "lock_timeout": f"{LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": "5min",  # a process that hangs must not keep all others from writing
    }
    options["options"] = " ".join([said, *(f"-c {name}={value}" for name, value in ours.items())]).strip()
    options.setdefault("application_name", "vonglau state")
    options.setdefault("connect_timeout", "10")
    return {
        "ENGINE": "vonglau.engines.postgresql.state",
        SCHEMA: database.state_schema,
        "NAME": options.pop("dbname", ""),
        "USER": options.pop("user", ""),
        "PASSWORD": options.pop("password", ""),
        "HOST": options.pop("host", ""),
        "PORT": options.pop("port", ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def _make_schema(using: str, **_: Any) -> None:
    """Before the first migration: Django makes tables, never the schema they stand in."""
    from django.db import connections

    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(connection.settings_dict[SCHEMA])
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")


def listen() -> None:
    pre_migrate.connect(_make_schema, dispatch_uid="vonglau.web.databases")
