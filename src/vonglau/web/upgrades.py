"""From the previous release's data to this one's: the state's migrations, the log's layout, the facts. After a backup, by a command.

Nothing is brought forward in passing: `serve` and `init` refuse an older folder and say what to run. A newer folder is refused too.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from vonglau.core.errors import Broken
from vonglau.engines import layouts, log_layout, upgrading
from vonglau.engines.embedded import schema


@dataclass(frozen=True, slots=True)
class Behind:
    """What an older folder lacks. Empty: it is of this release."""

    migrations: tuple[str, ...]
    log: int
    """Layouts between the log's and this program's."""

    def __bool__(self) -> bool:
        return bool(self.migrations or self.log)


def behind(data: Path) -> Behind:
    """Raises `Broken` for a folder that a newer release has written, naming what this one does not know."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    layout, newest = log_layout(data)
    layouts.refuse_newer(layout, newest)
    executor = MigrationExecutor(connection)
    known = executor.loader.disk_migrations
    apps = {app for app, _name in known}
    strange = sorted(
        f"{app}.{name}" for app, name in executor.loader.applied_migrations if app in apps and (app, name) not in known
    )
    if strange:
        raise Broken(
            f"This folder was written by a newer release (it has {strange[0]}): use that release, "
            "or restore a backup made before its upgrade."
        )
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return Behind(tuple(f"{one.app_label}.{one.name}" for one, _backwards in plan), newest - layout)


def refuse_behind(data: Path) -> None:
    """Raise `Broken` for an older or newer folder; the message says what to run."""
    lacks = behind(data)
    if lacks:
        first = lacks.migrations[0] if lacks.migrations else "the log's layout"
        raise Broken(
            f"{data} was written by an earlier release (it lacks {first}): run `vonglau upgrade --data {data} --backup DIR`, "
            "which makes a backup first."
        )


def bring_forward(data: Path, told: Callable[[str], None] = lambda words: None) -> tuple[str, ...]:
    """Do what is lacking, and say what was done. State and log change together: any error leaves both as they were.

    (Between the two commits lie some milliseconds; a machine that dies there needs the backup.)
    """
    lacks = behind(data)
    if not lacks.log and not schema.path(data).exists():  # the log is as it should be, or not made yet
        if lacks.migrations:
            _migrate(lacks.migrations, told)
            _rewrite(told)
        return lacks.migrations
    with upgrading(data, told) as changed:
        if lacks.migrations:
            _migrate(lacks.migrations, told)
    if lacks.migrations:
        _rewrite(told)
    return (*lacks.migrations, *changed.steps)


def _rewrite(told: Callable[[str], None]) -> None:
    """What migrations took out of tables still stands in pages that the file has given up: contacts that were plain are gone only now."""
    from django.db import DatabaseError, connection

    if connection.vendor != "sqlite":
        return
    told("rewriting the file")
    try:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except DatabaseError as failed:
        told(
            f"the file could not be rewritten ({failed}): make room and run VACUUM, or old contents stay in its free pages"
        )


def _migrate(names: tuple[str, ...], told: Callable[[str], None]) -> None:
    """All migrations in one transaction where SQLite keeps the state; on PostgreSQL each in its own, which may leave some of them done.

    SQLite remakes tables, which it allows only while foreign keys are not enforced; Django checks them before each migration ends.
    """
    from django.core.management import call_command
    from django.db import DatabaseError, connection, transaction

    from vonglau.core.rewriting import listening

    for name in names:
        told(name)
    try:
        if connection.vendor == "sqlite":
            connection.disable_constraint_checking()
        with transaction.atomic() if connection.vendor == "sqlite" else nullcontext(), listening(told):
            call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as failed:
        raise Broken(
            f"The state could not be brought forward ({failed}); state and log are as they were, and the earlier release can use them. "
            "Report this with the message."
        ) from failed
    finally:
        connection.close()  # the next connection enforces foreign keys again


def reload_facts(data: Path, *, quiet: bool) -> dict[str, object]:
    """Localities, wards, agencies, levels as this release ships them: what `init` loads, for the locality that is there."""
    from vonglau.core.worlds import world
    from vonglau.web.commands.making import make

    made = make(data, world().locality, "city", quiet=quiet)
    return {name: made[name] for name in ("places", "agencies", "levels")}
