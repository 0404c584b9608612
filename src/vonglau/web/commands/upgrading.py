"""`upgrade`: an earlier release's data become this one's, after a backup."""

from pathlib import Path
from typing import Any

import click

from vonglau.web.commands.base import result, say, with_data


@click.command()
@with_data()
@click.option(
    "--backup",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Make a backup there first.",
    metavar="DIR",
)
@click.option("--no-backup", is_flag=True, help="Go on without one: there is one already.")
@click.option(
    "--needed", is_flag=True, help="Only say whether it is, beside a running server too: exit 0 when not, 3 when it is."
)
def upgrade(data: Path, as_json: bool, folder: Path | None, no_backup: bool, needed: bool) -> int:
    """Bring DATA, written by an earlier release, to this one: state, log, facts. The server must be stopped."""
    if needed:
        return _needed(data, as_json)
    from vonglau.engines import refuse_second_writer
    from vonglau.web.backups.alone import alone
    from vonglau.web.upgrades import behind, bring_forward, reload_facts

    with alone(data):
        refuse_second_writer(data)  # a door of another folder on the same database
        lacks = behind(data)
        body: dict[str, Any] = {
            "data": str(data),
            "migrations": list(lacks.migrations),
            "log_steps": lacks.log,
            "snapshot": None,
        }
        if not lacks:
            result(as_json, body, f"{data} is of this release: nothing to do.")
            return 0
        if folder is None and not no_backup:
            raise click.UsageError(
                "Name a folder for the backup with --backup DIR (or --no-backup when there is one already)."
            )
        if folder is not None:
            from vonglau.web.commands.backing import one

            made = one(data, folder, None, rules={}, quiet=as_json)
            body["snapshot"] = made["id"]
            if not as_json:
                say(made["said"])
        body["done"] = list(bring_forward(data, (lambda words: None) if as_json else (lambda words: say(f"  {words}"))))
        body["facts"] = reload_facts(data, quiet=as_json)
    result(
        as_json, body, f"{data} is of this release now: {len(body['done'])} steps. Run `vonglau check`, then serve it."
    )
    return 0


NEEDED = 3
"""Exit status of `upgrade --needed`: no error, and something to do."""


def _needed(data: Path, as_json: bool) -> int:
    from vonglau.web.upgrades import behind

    lacks = behind(data)
    steps = len(lacks.migrations) + lacks.log
    said = f"{data} was written by an earlier release: {steps} steps." if lacks else f"{data} is of this release."
    result(as_json, {"data": str(data), "migrations": list(lacks.migrations), "log_steps": lacks.log}, said)
    return NEEDED if lacks else 0
