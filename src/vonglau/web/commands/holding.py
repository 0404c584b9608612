"""`held`: notices that wait for a person after a restore."""

from pathlib import Path

import click

from vonglau.web.commands.base import operator, result, with_data

KEYS = click.argument("keys", nargs=-1, metavar="[KEY]…")
ALL = click.option("--all", "everything", is_flag=True, help="All of them.")


@click.group()
def held() -> None:
    """Notices that a restore holds back, because they may have gone out before."""


@held.command("list")
@with_data()
def listing(data: Path, as_json: bool) -> None:
    """Name them, oldest first."""
    from vonglau.core import holding

    rows = [
        {
            "key": one.key,
            "world": one.world,
            "channel": one.channel,
            "to": one.recipient,
            "subject": one.subject,
            "made": one.created_at,
        }
        for one in holding.held()
    ]
    lines = [
        f"{row['made']:%Y-%m-%d %H:%M}  {row['channel']:<8} {row['to']:<30} {row['subject']}\n    {row['key']}"
        for row in rows
    ]
    result(as_json, {"items": rows, "next": None}, "\n".join(lines) or "None is held.")


def _keys(keys: tuple[str, ...], everything: bool) -> list[str] | None:
    if bool(keys) == everything:
        raise click.UsageError("Name the notices by their keys, or say --all.")
    return None if everything else list(keys)


@held.command()
@KEYS
@ALL
@with_data()
def release(data: Path, as_json: bool, keys: tuple[str, ...], everything: bool) -> None:
    """Let them go out: the worker sends them next."""
    from vonglau.core import holding

    count = holding.release(operator(), _keys(keys, everything))
    result(as_json, {"released": count}, f"{count} released.")


@held.command()
@KEYS
@ALL
@with_data()
def drop(data: Path, as_json: bool, keys: tuple[str, ...], everything: bool) -> None:
    """Never send them: their recipients know. They stay on record as discarded."""
    from vonglau.core import holding

    count = holding.drop(operator(), _keys(keys, everything))
    result(as_json, {"dropped": count}, f"{count} dropped.")
