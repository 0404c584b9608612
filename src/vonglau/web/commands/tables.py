"""Tables with a mapping: as events for `replay`, or read and checked without sending anything."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from vonglau.web.commands.base import result
from vonglau.web.commands.places import Told
from vonglau.web.commands.rejects import Rejects
from vonglau.web.commands.sending import Sender


def table_lines(
    files: list[Path], mapping: Any, world: str | None, sender: Sender, told: Told, rejects: Rejects
) -> Iterator[bytes]:
    """The rows of tables as events; what is no event goes to the list of rejects."""
    from vonglau.core.tables.events import Reject, Rows

    for path in files:
        rows = Rows(mapping, path, world)
        for made in rows.events():
            told(path, rows.told.position)
            if isinstance(made, Reject):
                sender.counts.rejected += 1
                rejects.add(path, made.line, made.column, made.reason)
            else:
                yield msgspec.json.encode(made[1])
        sender.counts.passed_over += rows.told.passed_over


def dry_run(files: list[Path], means: Any, world: str | None, rejects: Path, as_json: bool) -> int:
    """Read and check everything as the door would, and send nothing. Exit 1 when a row is no event."""
    from vonglau.core import seams
    from vonglau.core.log import Rejected
    from vonglau.core.tables.events import Reject, Rows
    from vonglau.gateways.events.decode import Bounds, Decoder

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vonglau.web.settings")
    import django

    django.setup()
    decoder, bounds = Decoder(seams.event_types()), Bounds(None, lambda world: None)
    rows = events = passed_over = bad = 0
    examples: list[Any] = []
    listed = Rejects(rejects)
    for path in files:
        table = Rows(means, path, world)
        for made in table.events():
            if isinstance(made, Reject):
                bad += 1
                listed.add(path, made.line, made.column, made.reason)
                continue
            line, event = made
            checked = decoder.item(msgspec.json.encode(event), bounds)
            if isinstance(checked, Rejected):
                bad += 1
                listed.add(path, line, checked.fault.pointer, checked.fault.reason)
                continue
            events += 1
            if len(examples) < 3:
                examples.append(event)
        rows += table.told.rows
        passed_over += table.told.passed_over
    listed.close()
    body = {"rows": rows, "events": events, "passed_over": passed_over, "rejected": bad, "examples": examples}
    shown = "\n".join(msgspec.json.encode(event).decode() for event in examples)
    text = f"{rows} rows: {events} events, {passed_over} passed over, {bad} rejected{listed.where()}. Nothing was sent.\n{shown}"
    result(as_json, {**body, "dry_run": True, "rejects": str(rejects) if bad else None}, text)
    return 1 if bad else 0
