"""`load`: history from files of other systems and from other Open311 servers, into a recording world."""

import shutil
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


@load.command("open311")
@click.argument("url")
@click.option(
    "--mapping",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What its services and states mean: data/mappings/open311.yaml is one to begin with.",
)
@click.option("--world", required=True, help="The recording world to load into; made when it is new.")
@click.option("--since", required=True, help="From which day or moment on: 2024-01-01.")
@click.option("--until", help="Until when; absent: now.")
@click.option("--dry-run", is_flag=True, help="Ask, read and count everything, keep nothing in the city.")
@with_data()
def open311(
    data: Path, as_json: bool, url: str, mapping: Path, world: str, since: str, until: str | None, dry_run: bool
) -> int:
    """Load the reports of another Open311 server (GeoReport v2) at URL. Stopped or refused, the same command goes on from there."""
    from datetime import UTC, datetime

    from vonglau.core.errors import BadInput
    from vonglau.core.tables.files import shown
    from vonglau.services.field_reports import table
    from vonglau.services.field_reports.history import load as load_history
    from vonglau.services.field_reports.history.asking import Server, collect
    from vonglau.services.field_reports.history.mapping import read_mapping

    means = read_mapping(mapping)
    asked = means.open311
    server = Server(
        url=url,
        jurisdiction=asked.jurisdiction,
        format=asked.format,
        pages=asked.pages,
        most=asked.most,
        pause=asked.pause,
    )
    first = datetime.fromtimestamp(table.day(since), UTC)
    last = datetime.fromtimestamp(table.day(until), UTC) if until else datetime.now(UTC)
    folder = (data / "imports" / means.name).resolve()
    if folder.parent != (data / "imports").resolve():  # it is removed below, with all that is in it
        raise BadInput(f"{mapping}: {means.name[:60]} names no folder of its own under {data / 'imports'}.")
    told = (lambda words: None) if as_json else (lambda words: say(f"  {shown(words)}"))
    file, windows = collect(server, folder, first, last, told)
    body = load_history(file, mapping, world, dry_run=dry_run)
    cut = [f"{one.start.isoformat()}/{one.end.isoformat()}" for one in windows if one.cut]
    body |= {"url": url, "windows": len(windows), "cut": cut}
    if not dry_run:
        shutil.rmtree(folder)  # words as citizens wrote them: covered in the city, plain in there
    elif not as_json:
        say(f"Dry run: nothing was kept in the city; what the server sent waits in {folder}.")
    result(as_json, body, "\n".join(f"{key}: {value}" for key, value in body.items()))
    return 0
