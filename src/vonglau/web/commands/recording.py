"""`recording`: any past interval of the log as a file, what such a file is, and whether it is whole."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from vonglau.core.errors import BadInput
from vonglau.web.commands.base import operator, result, with_data, without_data

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@click.group()
def recording() -> None:
    """Recordings: an interval of the log with what the detectors knew, to be replayed into a new world with the same alerts."""


def _moment(text: str, option: str) -> datetime:
    """ISO 8601; without a zone it is the time on screens. A local time that there is twice or never is refused."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            f"{option} {text}: give an ISO 8601 time such as 2026-11-24T07:00 or 2026-11-24T00:00Z."
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


def _lead_in(text: str) -> timedelta | None:
    if text == "all":
        return None
    number, unit = text[:-1], text[-1:]
    if text == "none":
        return timedelta()
    if not number.isdigit() or unit not in UNITS or int(number) * UNITS[unit] > 3_660 * 86_400:
        raise BadInput("--lead-in is `all`, `none`, or a span such as 8d, 36h, 90m.")
    return timedelta(seconds=int(number) * UNITS[unit])


@recording.command("export")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--world", default="live", show_default=True, help="The world it is cut from.")
@click.option("--from", "start", required=True, help="Beginning, ISO 8601; without a zone: Asia/Ho_Chi_Minh.")
@click.option("--to", "end", required=True, help="End, not included.")
@click.option("--type", "types", multiple=True, help="Only events of this type, and ticks; several times for several.")
@click.option(
    "--lead-in",
    default="all",
    show_default=True,
    help="From how far back the detectors learn what they knew: `all` gives the same alerts; 8d is faster, none begins empty.",
)
@click.option("--force", is_flag=True, help="Replace OUT.")
@with_data()
def export_recording(
    data: Path,
    as_json: bool,
    out: Path,
    world: str,
    start: str,
    end: str,
    types: tuple[str, ...],
    lead_in: str,
    force: bool,
) -> None:
    """Write an interval of the log to OUT (Parquet). No server has to stop for it. Personal data are never in it: events hold none."""
    from django.db import transaction
    from django.utils import timezone
    from rich.console import Console
    from rich.progress import Progress

    from vonglau.core import audit, seams
    from vonglau.core.events import LIVE
    from vonglau.core.recordings.export import Spec, export
    from vonglau.core.worlds import world as find
    from vonglau.engines import open_reader

    if out.exists() and not force:
        raise BadInput(f"{out} is there already: choose another name, or --force.")
    spec = Spec(
        world=world,
        start=_moment(start, "--from"),
        end=_moment(end, "--to"),
        types=frozenset(types) or None,
        lead_in=_lead_in(lead_in),
        installation=find(LIVE).title_en,
    )
    reader = open_reader(data)
    with Progress(console=Console(stderr=True), disable=as_json) as bar:
        step = bar.add_task("Export", total=None)
        about = export(
            reader,
            seams.detectors(),
            find(world),
            spec,
            out,
            lambda position, head: bar.update(step, completed=position, total=head),
        )
    reader.close()
    with transaction.atomic():
        body = {
            "at": timezone.now().isoformat(timespec="microseconds"),
            "who": f"cli:{operator()}",
            "role": "administrator",
            "step": "export",
            "recording": about.sha256,
            "start": about.start,
            "end": about.end,
        }
        audit.record(f"world/{world}", body)
    said = {**_shown(about), "out": str(out), "bytes": out.stat().st_size, "file_sha256": _sum(out)}
    warning = (
        "" if about.lead_in_complete else "\nThe log no longer reaches back to its beginning: detectors knew more then."
    )
    result(as_json, said, f"{out}: {_line(about)}{warning}")


@recording.command("show")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@without_data
def show_recording(file: Path, as_json: bool) -> None:
    """What FILE is; every record is read and compared with its SHA-256. Exit 2 when it is damaged."""
    from vonglau.core.recordings.layout import verify

    about = verify(file)
    result(
        as_json, {**_shown(about), "file_sha256": _sum(file)}, f"{file}: {_line(about)}\nWhole: SHA-256 {about.sha256}"
    )


def _shown(about: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(about)
    return found


def _line(about: Any) -> str:
    knew = ", ".join(f"{name}/{version}" for name, version in about.detectors.items()) or "no detector"
    without = "".join(f"; without {name} ({why})" for name, why in about.without.items())
    return (
        f"{about.events} events and {about.ticks} ticks of {about.world} ({about.installation}), "
        f"{datetime.fromisoformat(about.start).astimezone(UTC):%Y-%m-%d %H:%M} to "
        f"{datetime.fromisoformat(about.end).astimezone(UTC):%Y-%m-%d %H:%M} UTC, with what {knew} knew"
        f" (lead-in {about.lead_in}) and {about.alerts} open alerts{without}."
    )


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256).hexdigest()
