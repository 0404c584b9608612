"""`detector`: which detectors stand still and why; let them go on, or pass over the event that stops them.

The worker looks every second; nothing has to be restarted.
"""

from pathlib import Path
from typing import Any

import click

from vonglau.web.commands.base import operator, result, with_data


@click.group()
def detector() -> None:
    """Detectors: see which were stopped by an error of their own, resume them, skip the event that does it."""


def _actor() -> Any:
    from vonglau.core.people.policy import Actor

    return Actor(f"cli:{operator()}", "administrator")


def _row(stop: Any) -> dict[str, Any]:
    return {
        "detector": stop.detector,
        "version": stop.version,
        "world": stop.world,
        "state": "stopped" if stop.retry_at is None else "waiting",
        "reason": stop.reason,
        "error": stop.error,
        "position": stop.position,
        "first": stop.first,
        "last": stop.last,
        "tries": stop.tries,
        "since": stop.since.isoformat(),
        "retry_at": stop.retry_at.isoformat() if stop.retry_at else None,
    }


def _line(row: dict[str, Any]) -> str:
    if row["state"] == "running":
        return f"{row['detector']}/{row['version']}  through {row['position']}"
    at = str(row["first"]) if row["first"] == row["last"] else f"{row['first']}–{row['last']}"
    then = f"tried again at {row['retry_at']}" if row["retry_at"] else "waits for `detector resume` or `detector skip`"
    return (
        f"{row['detector']}/{row['version']}  STOPPED in {row['world']} behind {row['position']}: "
        f"{row['error']} ({row['reason']}) at {at}; {then}"
    )


@detector.command("list")
@with_data()
def list_detectors(data: Path, as_json: bool) -> int:
    """Every installed detector and how far it is, then those that stand still. Exit 1 when one does."""
    from vonglau.core import seams, stops
    from vonglau.core.alert_models import Cursor, DetectorStop
    from vonglau.core.runner import reader_of

    done = dict(Cursor.objects.values_list("reader", "position"))
    rows: list[dict[str, Any]] = [
        {
            "detector": one.name,
            "version": one.version,
            "service": service.name,
            "state": "running",
            "position": done.get(reader_of(one), 0),
        }
        for service, one in seams.detectors()
    ]
    stopped = [_row(stop) for stop in DetectorStop.objects.order_by("detector", "world")]
    passed = [
        {"detector": name, "world": world, "positions": sorted(positions)}
        for (name, world), positions in sorted(stops.skipped().items())
    ]
    lines = [*map(_line, [*rows, *stopped])]
    lines += [f"{one['detector']} in {one['world']} passes over {len(one['positions'])} event(s)" for one in passed]
    result(as_json, {"items": rows, "stopped": stopped, "skipped": passed, "next": None}, "\n".join(lines))
    return 1 if stopped else 0


@detector.command("resume")
@click.argument("name")
@click.option("--world", default="live", show_default=True, help="The world in which it stands still.")
@click.option("--fresh", is_flag=True, help="Forget its stored state: it learns anew from its own cursor on.")
@with_data()
def resume_detector(data: Path, as_json: bool, name: str, world: str, fresh: bool) -> None:
    """Let a stopped detector go on from its own cursor: it misses nothing and says nothing twice."""
    from vonglau.core import stops

    stop = stops.resume(name, world, _actor(), fresh=fresh)
    result(as_json, _row(stop), f"{name} goes on in {world} behind position {stop.position} within a second.")


@detector.command("skip")
@click.argument("name")
@click.option("--world", default="live", show_default=True, help="The world in which it stands still.")
@click.option("--position", required=True, type=int, help="The event to pass over, as `detector list` names it.")
@with_data()
def skip_event(data: Path, as_json: bool, name: str, world: str, position: int) -> None:
    """Let a detector pass over the one event it fails at. The event stays in the log; the skip stands in the audit."""
    from vonglau.core import stops

    stop = stops.skip(name, world, position, _actor())
    result(as_json, {**_row(stop), "skipped": position}, f"{name} passes over position {position} in {world}.")
