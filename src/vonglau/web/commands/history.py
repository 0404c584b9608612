"""`history`: a question in SQL to everything that ever happened here."""

import json
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from vonglau.web.commands.base import result, say, with_data

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("table", "csv", "json", "parquet")
WIDEST = 60
"""Characters of a cell in a table for people; the other formats cut nothing."""


@click.command()
@click.argument("sql", required=False)
@with_data()
@click.option("--world", default="live", show_default=True, help="The one world that is asked about.")
@click.option(
    "--all-worlds", is_flag=True, help="Ask about all worlds at once, drills included; group by `world` then."
)
@click.option("--from", "start", help="Only events from this local day, or moment with zone, on.")
@click.option("--to", "end", help="Only events up to this local day (included), or moment with zone (not included).")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the answer to this file.")
@click.option("--rows", type=click.IntRange(0), default=10_000, show_default=True, help="Most rows; 0: all.")
@click.option("--memory", type=click.IntRange(64), default=512, show_default=True, help="Most memory, MB.")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Most threads.")
@click.option("--seconds", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Longest time.")
def history(
    data: Path,
    as_json: bool,
    sql: str | None,
    world: str,
    all_worlds: bool,
    start: str | None,
    end: str | None,
    form: str,
    output: Path | None,
    rows: int,
    memory: int,
    threads: int,
    seconds: float,
) -> int:
    """Answer one SELECT over the view `events`: sealed files and what is still in the log, of one world. `-` reads the SQL from stdin.

    Without SQL it lists the columns. Nothing can be changed, no file and no network is reached from within.
    """
    from vonglau.core import worlds
    from vonglau.engines import open_history
    from vonglau.engines.history.duck import Limits
    from vonglau.engines.history.query import ask
    from vonglau.engines.history.reference import COLUMNS
    from vonglau.engines.history.snapshot import Asked
    from vonglau.web.derive import make

    if sql is None:
        items = [{"column": one.name, "type": one.type, "what": one.what} for one in COLUMNS]
        text = "\n".join(f"{one.name:<11} {one.type:<12} {one.what}" for one in COLUMNS)
        result(as_json, {"items": items, "next": None}, text)
        return 0
    if sql == "-":
        sql = sys.stdin.read()
    asked = Asked(None if all_worlds else worlds.world(world).pk, _moment(start, ends=False), _moment(end, ends=True))
    reader = open_history(data)
    try:
        table, cut = ask(reader, make(), asked, sql, Limits(rows, memory, threads, seconds))
    finally:
        reader.close()
    if as_json:
        result(True, {"columns": table.column_names, "rows": _plain(table), "cut": cut})
    elif output is not None:
        with output.open("wb") as file:
            _write(table, form, file)
        say(f"{len(table):,} rows written to {output}.")
    else:
        _write(table, form, sys.stdout.buffer)
    if cut:
        say(f"Only the first {rows:,} rows: allow more with --rows, or group and sum them in the question.")
    return 0


def _moment(said: str | None, *, ends: bool) -> int | None:
    """µs UTC. A day is the whole local day."""
    from django.utils import timezone

    from vonglau.core.events import to_us

    if said is None:
        return None
    try:
        if len(said) <= 10:
            day = date.fromisoformat(said) + timedelta(days=ends)
            return to_us(datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone()))
        moment = datetime.fromisoformat(said)
    except (ValueError, OverflowError) as wrong:
        raise click.BadParameter(
            f"{said!r} is no day (2026-11-22) and no moment (2026-11-22T08:00:00+07:00)."
        ) from wrong
    if moment.tzinfo is None:
        raise click.BadParameter(f"{said!r} has no zone: write it with +07:00 or Z.")
    return to_us(moment)


def _plain(table: "pa.Table") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def _write(table: "pa.Table", form: str, file: BinaryIO) -> None:
    if form == "csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(table, file)
    elif form == "parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, file, compression="zstd")
    elif form == "json":
        for row in _plain(table):
            file.write(json.dumps(row, ensure_ascii=False, default=_said).encode() + b"\n")
    else:
        file.write(_aligned(table).encode() + b"\n")
    file.flush()


def _said(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _aligned(table: "pa.Table") -> str:
    """For people: every value one line, unprintable characters (they are senders' input) as escapes."""

    def cell(value: Any) -> str:
        text = "" if value is None else value if isinstance(value, str) else str(_said(value))
        text = text if text.isprintable() else text.encode("unicode_escape").decode()
        return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"

    lines = [table.column_names, *([cell(value) for value in row.values()] for row in _plain(table))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if table.column_names else []
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [lines[0], rule, *lines[1:]]
    )
