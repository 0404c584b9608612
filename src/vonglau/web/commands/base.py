"""What every command shares: `--data`, `--json`, the exit codes, and errors as advice on stderr.

Exit 0: fine. 1: a check failed. 2: bad input. With `--json` the last line on stdout is one JSON object.
"""

import getpass
import json
import logging
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from vonglau.engines import installed
from vonglau.engines.database import VARIABLE, database_of, has_password

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_DATA = "vonglau-data"


def configure(data: Path) -> None:
    """Point Django at a data folder. Once per process: settings are read on first use."""
    os.environ["VONGLAU_DATA"] = str(data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vonglau.web.settings")
    import django

    django.setup()
    if "VONGLAU_LOG" not in os.environ:
        logging.getLogger().setLevel(logging.WARNING)


def keep_evidence(data: Path) -> None:
    """Before anything opens the state: keep a damaged write-ahead file aside, which the first command that closes it would erase."""
    side = data / "state.db-wal"
    if side.exists() and side.stat().st_size:
        from vonglau.web.fallback import look

        look(data)


def need_installation(data: Path) -> None:
    """Refuse a folder that `init` never saw: a typing mistake must not make a new, empty city."""
    database = database_of(data)
    if database is None and not (data / "state.db").exists():
        raise click.UsageError(
            f"{data} holds no installation: run `vonglau init --data {data}` first, or check the path."
        )
    if database is not None and not installed(database):
        raise click.UsageError(
            f"{database} holds no installation: run `vonglau init` with it first, or check the setting."
        )


def operator() -> str:
    """Who types, for the audit: the system's user name, or its number where it has no name (containers)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"


def say(text: str = "") -> None:
    """Words for people: on stderr, so that stdout holds the result alone."""
    click.echo(text, err=True)


def result(as_json: bool, body: dict[str, Any], text: str | None = None) -> None:
    """The command's result: one JSON object, or words."""
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False, default=str))
    elif text is not None:
        click.echo(text)


def with_json(function: Function) -> Function:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the result as one JSON object on the last line."
    )(function)


def _typed_database(_context: click.Context, _option: click.Parameter, text: str) -> str:
    """An address from the command line: every user of the machine can read that, so it may hold no password."""
    try:
        if has_password(text):
            raise click.BadParameter(
                "a password on the command line can be read by every user of this machine: give the address in "
                "VONGLAU_DATABASE, in a file named by VONGLAU_DATABASE_FILE, or keep the password in ~/.pgpass."
            )
    except ValueError as wrong:
        raise click.BadParameter(f"give {wrong}.") from None
    return text


def with_database(function: Function) -> Function:
    """Adds --database: the engine for log and state."""
    return click.option(
        "--database",
        default="",
        callback=_typed_database,
        help="PostgreSQL for log and state: postgresql://USER@HOST/NAME (or the environment variable VONGLAU_DATABASE, "
        "which may hold a password). Otherwise: as the installation was made.",
    )(function)


def without_data(function: Function) -> Function:
    """Adds --json, and takes --data as every command does, for those that keep nothing there: scripts pass it everywhere."""
    place = click.Path(file_okay=False, path_type=Path)
    said = "Taken by every command; this one needs no data folder."
    return click.option("--data", expose_value=False, type=place, help=said)(with_json(function))


def with_data(*, fresh: bool = False) -> Callable[[Function], Function]:
    """Adds --data and --json, and sets Django up for that folder before the command runs."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(data: Path, database: str, *args: Any, **kwargs: Any) -> Any:
            data = data.expanduser().resolve()
            if database:
                os.environ[VARIABLE] = database
            if not fresh:
                need_installation(data)
            try:
                data.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise click.UsageError(f"{data} cannot be made ({error.strerror}): choose another --data.") from error
            keep_evidence(data)
            configure(data)
            return function(data, *args, **kwargs)

        option = click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            default=DEFAULT_DATA,
            envvar="VONGLAU_DATA",
            show_default=True,
            help="The data folder (or the environment variable VONGLAU_DATA).",
        )
        return option(with_database(with_json(command)))  # type: ignore[return-value]

    return decorate


class Group(click.Group):
    """Turns the house's errors into one line of advice and an exit code; a traceback is for the unknown alone."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        from vonglau.core.errors import Broken, VongLauError

        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except click.exceptions.Exit as ended:
            sys.exit(ended.exit_code)
        except click.Abort:
            say("Stopped.")
            sys.exit(130)
        except click.ClickException as wrong:
            wrong.show()
            sys.exit(2)
        except Broken as broken:
            say(f"Error: {broken.message}")
            sys.exit(1)
        except VongLauError as wrong:
            say(f"Error: {wrong.message}")
            sys.exit(2)
        sys.exit(code if isinstance(code, int) else 0)
