"""`replay`: sends recorded CloudEvents to a running server, as fast as it takes them or at a multiple of their own time.

Sent twice is stored once, so an interrupted replay is simply run again. Nothing is shifted: events keep their times.
"""

import gzip
import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from vonglau.core.errors import BadFile, BadInput, Unavailable
from vonglau.web.commands.base import result, say, without_data

BATCH = 1000
BATCH_BYTES = 4 * 1024 * 1024
ATTEMPTS = 30
LONGEST_WAIT = 30.0


@dataclass(slots=True)
class Counts:
    """What became of the lines. `failed`: never answered with 202; they are not in the log as far as we know."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    failed: int = 0
    unreadable: int = 0
    """Lines that are no JSON object: sent all the same, so that they wait in quarantine; counted here too."""
    seconds: float = 0.0
    retries: int = 0


@dataclass(slots=True)
class Sender:
    """One connection to a server, with patience."""

    url: str
    token: str
    counts: Counts = field(default_factory=Counts)
    _link: http.client.HTTPConnection | None = None

    def send(self, lines: list[bytes]) -> None:
        """One batch. Raises BadInput when the server will never take it, Unavailable when patience ends."""
        self.counts.sent += len(lines)
        try:
            answer = self._patiently(b"[" + b",".join(lines) + b"]")
        except (BadInput, Unavailable):
            self.counts.failed += len(lines)
            raise
        self.counts.accepted += answer["accepted"]
        self.counts.duplicates += answer["duplicates"]
        self.counts.quarantined += len(answer["quarantined"])

    def _patiently(self, body: bytes) -> dict[str, Any]:
        why = ""
        for attempt in range(ATTEMPTS):
            wait = min(LONGEST_WAIT, 0.5 * 2**attempt)
            try:
                status, headers, said = self._post(body)
            except (OSError, http.client.HTTPException) as gone:
                self.close()
                why = f"{self.url} does not answer ({gone})"
                if attempt >= 8:
                    break
            else:
                if status == 202:
                    found: dict[str, Any] = msgspec.json.decode(said)
                    return found
                why = f"the server answered {status}: {_detail(said)}"
                if status not in (429, 502, 503, 504, 507):
                    raise BadInput(f"Stopped: {why}")
                with suppress(ValueError):
                    wait = min(LONGEST_WAIT, max(0.1, float(headers.get("retry-after", ""))))
            self.counts.retries += 1
            time.sleep(wait)
        raise Unavailable(
            f"Stopped after many attempts: {why}. Run the same command again later: what was taken is not stored twice."
        )

    def _post(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.url)
        if self._link is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._link = kind(parts.hostname or "", parts.port, timeout=60)
        self._link.request(
            "POST",
            parts.path.rstrip("/") + "/api/events",
            body,
            {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {self.token}"},
        )
        answer = self._link.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _detail(said: bytes) -> str:
    with suppress(msgspec.DecodeError, TypeError):
        body = msgspec.json.decode(said)
        return str(body.get("detail", body)) if isinstance(body, dict) else str(body)
    return said[:300].decode("utf-8", "replace")


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


class _Timed(msgspec.Struct):
    time: datetime | None = None


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


def time_of(line: bytes) -> float | None:
    """Unix time of an event, None where it has none that can be read."""
    with suppress(msgspec.DecodeError, msgspec.ValidationError):
        moment = msgspec.json.decode(line, type=_Timed).time
        return moment.timestamp() if moment is not None and moment.tzinfo is not None else None
    return None


class _Pace:
    """Waits so that `speed` seconds of the recording pass in one of ours. None: as fast as the server takes them."""

    def __init__(self, speed: float | None) -> None:
        self.speed = speed
        self._first: float | None = None
        self._began = 0.0

    def due_in(self, line: bytes) -> float:
        if self.speed is None:
            return 0.0
        moment = time_of(line)
        if moment is None:
            return 0.0
        if self._first is None:
            self._first, self._began = moment, time.monotonic()
        return (moment - self._first) / self.speed - (time.monotonic() - self._began)


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


def send_all(files: list[Path], sender: Sender, speed: float | None, world: str | None, progress: Any) -> None:
    pace, size = _Pace(speed), 0
    batch: list[bytes] = []
    for path in files:
        for line in lines(path, partial(progress, path)):
            wait = pace.due_in(line)
            if batch and (len(batch) >= BATCH or size >= BATCH_BYTES or wait > 0.02):
                sender.send(batch)
                progress(path, None)
                batch, size = [], 0
                wait = pace.due_in(line)
            if wait > 0:
                time.sleep(wait)
            told = retold(line, world)
            sender.counts.unreadable += told[:1] == b'"'
            batch.append(told)
            size += len(told)
    if batch:
        sender.send(batch)
        progress(files[-1], None)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "url", required=True, help="Address of the server, such as http://127.0.0.1:8000.")
@click.option(
    "--token", required=True, envvar="VONGLAU_TOKEN", help="A token with the scope events:write (or VONGLAU_TOKEN)."
)
@click.option(
    "--speed", default="max", show_default=True, help="`max`, or how many times faster than recorded: 1, 60, …"
)
@click.option("--world", help="Set `exercise` of every event to this world.")
@without_data
def replay(files: tuple[Path, ...], url: str, token: str, speed: str, world: str | None, as_json: bool) -> int:
    """Send FILES of CloudEvents (JSON lines, gz too) to a running server. Interrupted? Run it again."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise BadInput(f"--to {url}: give an address such as http://127.0.0.1:8000.")
    sender, wanted = Sender(url.rstrip("/"), token), _speed(speed)
    began, total = time.monotonic(), sum(path.stat().st_size for path in files)
    read: dict[Path, int] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    problem = ""
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        step = bar.add_task("Replay", total=total, said="")

        def progress(path: Path, position: int | None) -> None:
            if position is not None:
                read[path] = position
            bar.update(step, completed=sum(read.values()), said=f"{sender.counts.accepted} accepted")

        try:
            send_all(list(files), sender, wanted, world, progress)
        except Unavailable as stopped:
            problem = stopped.message
        finally:
            sender.close()
    counts = sender.counts
    counts.seconds = round(time.monotonic() - began, 3)
    if problem:
        say(f"Error: {problem}")
    text = (
        f"{counts.sent} sent: {counts.accepted} accepted, {counts.duplicates} duplicates, {counts.quarantined} quarantined, "
        f"{counts.failed} failed; {counts.seconds:.1f} s, {counts.retries} retries."
    )
    result(as_json, asdict(counts), text)
    return 1 if counts.failed else 0
