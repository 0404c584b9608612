"""`load`: history from files of other systems, into a recording world."""

from pathlib import Path

import click

from vonglau.web.commands.base import result, say, with_data


@click.group()
def load() -> None:
    """Load history: what happened before, with its states and times."""


@load.command("reports")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What each column means.",
)
@click.option("--world", required=True, help="The recording world to load into; made when it is new.")
@click.option("--dry-run", is_flag=True, help="Read and count everything, keep nothing.")
@with_data()
def reports(data: Path, as_json: bool, file: Path, mapping: Path, world: str, dry_run: bool) -> int:
    """Load citizens' reports and their incidents from FILE (CSV, CSV.gz, Parquet) as MAPPING says."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from vonglau.services.field_reports.history import load as load_history

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        step = bar.add_task("Reports", total=None)

        def progress(done: int, total: int | None = None) -> None:
            bar.update(step, completed=done, total=total)

        body = load_history(file, mapping, world, dry_run=dry_run, progress=progress)
    if dry_run and not as_json:
        say("Dry run: nothing was kept.")
    result(as_json, body, "\n".join(f"{key}: {value}" for key, value in body.items()))
    return 0
