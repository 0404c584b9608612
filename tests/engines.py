"""Which engine this test session runs on, and a log of its own for every data folder a test makes.

On PostgreSQL all of a session's tests share one server: started by the session (with pytest-xdist by its first process), stopped
with it. A data folder that a test opens in this process gets a schema of its own in one database; a folder that is given to
`vonglau` as a program gets a database of its own.
"""

import hashlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from django.utils.functional import empty

from tests import postgres
from vonglau import engines
from vonglau.core.log import Log
from vonglau.engines.database import VARIABLE, Database, address, remember, remembered
from vonglau.engines.embedded import manifest as embedded_manifest
from vonglau.engines.history import SealedFile
from vonglau.engines.postgresql import manifest as postgresql_manifest

NAME = os.environ.get("VONGLAU_TEST_ENGINE", "sqlite")
POSTGRESQL = NAME == "postgresql"
_SERVER = "VONGLAU_TEST_SERVER"
"""The running server's folder, told to the other processes of this session."""

_held = ExitStack()


def begin() -> None:
    """Before Django reads its settings."""
    if NAME not in ("sqlite", "postgresql"):
        raise SystemExit(f"VONGLAU_TEST_ENGINE={NAME!r}: give sqlite or postgresql.")
    if POSTGRESQL:
        os.environ[VARIABLE] = server().url("vonglau")
        engines.database_of = of_folder  # type: ignore[assignment]


def settings_anew() -> None:
    """Without pytest-xdist, pytest-django has read the settings before our environment was made: they are read once more."""
    name = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if name in sys.modules:
        del sys.modules[name]
        settings._wrapped = empty
        connections.__dict__.pop("settings", None)
        connections._settings = None
        with suppress(AttributeError):
            del connections["default"]


def end() -> None:
    _held.close()


def missing() -> str:
    """Why what needs PostgreSQL is left out here; empty where it runs. Continuous integration never leaves it out."""
    if postgres.binaries() is not None or os.environ.get("CI"):
        return ""
    return "no PostgreSQL here: `apt-get install postgresql` to run it"


@cache
def server() -> postgres.Server:
    """This session's server, started when it is first asked for."""
    if _SERVER not in os.environ:
        started = _held.enter_context(postgres.server(**postgres.FAST))
        os.environ[_SERVER] = str(started.folder)
    return postgres.Server(Path(os.environ[_SERVER]))


def _key(data: Path | str) -> str:
    return hashlib.blake2b(str(Path(data).resolve()).encode(), digest_size=8).hexdigest()


def of_folder(data: Path | str) -> Database:
    """In this process: the database a folder was given, else a schema of its own among the session's logs."""
    given = remembered(data)
    if given.exists():
        found = address(given.read_text())
        assert found is not None
        return found
    return replace(Database(_logs()), log_schema=f"log_{_key(data)}")


@cache
def _logs() -> str:
    return server().url(f"logs_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")


def variables(data: Path | str | None) -> dict[str, str]:
    """For a program that is given this data folder: the environment that names the folder's own database."""
    if not POSTGRESQL or data is None:
        return {}
    if not remembered(data).exists():
        made = Database(server().url(f"city_{_key(data)}"))
        if not Path(data).exists():  # `init` and `demo` make the folder, and remember
            return {VARIABLE: made.url}
        remember(data, made)
    return {VARIABLE: remembered(data).read_text().strip()}


def copied(source: Path, target: Path) -> Path:
    """Another installation that is as this one was: its folder, and on PostgreSQL its database. Nothing may run on the source."""
    shutil.copytree(source, target)
    if POSTGRESQL:
        remember(target, Database(server().url(f"city_{_key(target)}", like=f"city_{_key(source)}")))
    return target


def change(data: Path, room: str, statements: Iterable[str]) -> list[int]:
    """Behind the program's back: statements on the tables of `state` or `log`, references not looked at. Rows touched by each."""
    if not POSTGRESQL:
        with closing(sqlite3.connect(data / f"{room}.db", isolation_level=None)) as file:
            file.execute("PRAGMA foreign_keys=OFF")
            return [file.execute(statement).rowcount for statement in statements]
    with psycopg.connect(remembered(data).read_text().strip(), autocommit=True) as db:
        db.execute("SET session_replication_role = replica")
        db.execute(f"SET search_path = vonglau_{room}")
        return [db.execute(statement).rowcount for statement in statements]


manifest = postgresql_manifest if POSTGRESQL else embedded_manifest
"""Of this session's engine: whose steps a test may cut."""


def name_sealed(log: Log, file: SealedFile, *, remembered: bool = True) -> None:
    """Behind the log's back: a file stands in its manifest, as an earlier program left it."""
    own: Any = log
    with own.lock:
        if POSTGRESQL:
            with own.db.transaction():
                postgresql_manifest.insert(own.db, file)
        else:
            embedded_manifest.insert(own.db, file)
        own.db.execute(f"UPDATE sealed SET remembered = {'true' if remembered else 'false'} WHERE name = '{file.name}'")


def sealed(log: Log) -> list[SealedFile]:
    """What the manifest names."""
    own: Any = log
    with own.lock:
        return (
            postgresql_manifest.PostgresqlManifest(own.db).files()
            if POSTGRESQL
            else embedded_manifest.EmbeddedManifest(own.db).files()
        )


def abandon(log: Log) -> None:
    """As a killed process leaves things: nothing is closed in order, only what the system held for it is gone."""
    own: Any = log
    if POSTGRESQL:
        own.db.close()
    else:
        os.close(own._held)
        own._held = -1
