"""`replay`: what was recorded happens again: CloudEvents as JSON lines, tables with a mapping, recordings of the log.

Sent twice is stored once, so an interrupted replay is simply run again. Nothing is shifted: events keep their times.
"""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from vonglau.core.errors import BadFile, BadInput, Unavailable
from vonglau.core.tables.files import count
from vonglau.core.tables.mapping import EventMapping, read_mapping
from vonglau.web.commands import reviving, tables
from vonglau.web.commands.base import result, say, with_json
from vonglau.web.commands.places import Place, Told
from vonglau.web.commands.rejects import Rejects
from vonglau.web.commands.sending import Sender, send_all


def lines(path: Path, progress: Callable[[int], None] = lambda position: None) -> Iterator[bytes]:
    """The lines of a file, gz too, without empty ones. `progress` is told how far the file itself has been read."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else nullcontext(raw) as file:
                for number, line in enumerate(file):
                    if line.strip():
                        yield line.strip()
                    if number % 500 == 0:
                        progress(raw.tell())
            progress(raw.tell())
    except (OSError, EOFError) as error:
        raise BadFile(f"{path} cannot be read: {error}.") from error


def retold(line: bytes, world: str | None) -> bytes:
    """The line as it is sent: with `exercise` set when a world is asked for; unreadable lines as JSON strings."""
    try:
        if world is None:
            msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            return line
        event = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return msgspec.json.encode(line.decode("utf-8", "replace"))
    if world == "live":
        event.pop("exercise", None)
    else:
        event["exercise"] = msgspec.Raw(msgspec.json.encode(world))
    return msgspec.json.encode(event)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e6:
        raise BadInput("--speed is `max`, or how many seconds of the recording pass in one of ours: 1, 60, …")
    return speed


def _json_lines(files: list[Path], world: str | None, sender: Sender, told: Told) -> Iterator[bytes]:
    for path in files:
        for line in lines(path, partial(told, path)):
            text = retold(line, world)
            sender.counts.unreadable += text[:1] == b'"'
            yield text


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "url", help="Address of the server; with --data: the one that serves it on this machine.")
@click.option("--token", envvar="VONGLAU_TOKEN", help="A token with the scope events:write; not needed with --data.")
@click.option(
    "--speed", default="max", show_default=True, help="`max`, or how many times faster than recorded: 1, 60, …"
)
@click.option(
    "--world", help="The world it happens in: sets `exercise` of every event. With --data a new name makes a recording."
)
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="FILES are tables (CSV, CSV.gz, Parquet): what their columns mean (docs/howto/recordings.md).",
)
@click.option(
    "--dry-run", is_flag=True, help="With --mapping: read and check every row, show the first events, send nothing."
)
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    default="rejects.csv",
    show_default=True,
    help="With --mapping: where rows that are no events are listed, with line, column and reason.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="VONGLAU_DATA",
    help="The data folder: for recordings of the log, or instead of --to and --token.",
)
@with_json
def replay(
    files: tuple[Path, ...],
    url: str | None,
    token: str | None,
    speed: str,
    world: str | None,
    mapping: Path | None,
    dry_run: bool,
    rejects: Path,
    data: Path | None,
    as_json: bool,
) -> int:
    """Let FILES happen again: CloudEvents as JSON lines (gz too), tables with a --mapping, or a recording of `recording export`.

    Interrupted? Run it again: what was taken is not stored twice.
    """
    from vonglau.core.recordings.layout import is_recording

    wanted, means = _speed(speed), read_mapping(mapping) if mapping is not None else None
    if dry_run and means is None:
        raise click.UsageError("--dry-run checks a table against its --mapping; `recording show` checks a recording.")
    if dry_run:
        return tables.dry_run(list(files), means, world, rejects, as_json)
    recording = means is None and is_recording(files[0])
    if recording and len(files) > 1:
        raise click.UsageError("One recording at a time: each is a world of its own.")
    place = Place(url, token, data)
    sender, listed = Sender(place.url.rstrip("/"), place.token), Rejects(rejects)
    run = _Run(list(files), world, place, sender, listed, means)
    if recording:
        run.made = reviving.revive(files[0], world, place)
    else:
        place.ensure(world)
    began = time.monotonic()
    problem = run.send(wanted, quiet=as_json)
    listed.close()
    counts = sender.counts
    counts.seconds = round(time.monotonic() - began, 3)
    if problem:
        say(f"Error: {problem}")
    result(as_json, run.summary(rejects), run.words())
    return 1 if counts.failed else 0


@dataclass(slots=True)
class _Run:
    """One replay: whatever the files are, they become CloudEvents in order."""

    files: list[Path]
    world: str | None
    place: Place
    sender: Sender
    listed: Rejects
    means: EventMapping | None
    made: Any = None
    """What a recording became (`core.recordings.revive.Revived`)."""

    def lines(self, told: Told) -> Iterator[bytes]:
        if self.made is not None and self.world is not None:
            return reviving.recorded_lines(self.files[0], self.world, told)
        if self.means is not None:
            return tables.table_lines(self.files, self.means, self.world, self.sender, told, self.listed)
        return _json_lines(self.files, self.world, self.sender, told)

    def total(self) -> int:
        if self.made is not None:
            return int(self.made.about.events + self.made.about.ticks)
        return sum(count(path) or path.stat().st_size for path in self.files) if self.means else _bytes(self.files)

    def send(self, speed: float | None, *, quiet: bool) -> str:
        """Why it was stopped; empty when it was not."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
        )
        read: dict[Path, int] = {}
        with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
            step = bar.add_task("Replay", total=self.total(), said="")

            def told(path: Path, position: int) -> None:
                read[path] = position

            def sent() -> None:
                bar.update(step, completed=sum(read.values()), said=f"{self.sender.counts.accepted} accepted")

            try:
                straight = self.made is not None and self.place.given is None and speed is None
                if not (straight and reviving.append(self.files[0], str(self.world), self.place, self.sender, told)):
                    send_all(self.lines(told), self.sender, speed, sent)
            except Unavailable as stopped:
                return stopped.message
            finally:
                self.sender.close()
        return ""

    def words(self) -> str:
        counts = self.sender.counts
        text = (
            f"{counts.sent} sent: {counts.accepted} accepted, {counts.duplicates} duplicates, {counts.quarantined} quarantined, "
            f"{counts.failed} failed; {counts.seconds:.1f} s, {counts.retries} retries."
        )
        if self.means is not None:
            text += f" {counts.passed_over} rows passed over, {counts.rejected} rejected{self.listed.where()}."
        return text

    def summary(self, rejects: Path) -> dict[str, Any]:
        body = asdict(self.sender.counts)
        if self.means is not None:
            body["rejects"] = str(rejects) if self.listed.count else None
        if self.made is not None:
            made = self.made
            body |= {"world": self.world, "from": made.about.world, "states": made.states, "without": made.empty}
        return body


def _bytes(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)
