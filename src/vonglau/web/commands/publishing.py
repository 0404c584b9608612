"""`reports publish`: what anybody may see of reports, derived anew."""

import time
from pathlib import Path

import click

from vonglau.web.commands.base import result, say, with_data

EVERY = 20_000


@click.command("publish")
@with_data()
def publish(data: Path, as_json: bool) -> int:
    """Derive what the public sees of every report anew: after a change of the city's categories or reasons. Beside a running server too."""
    from vonglau.services.field_reports.published import writing

    began = time.monotonic()

    def said(done: int, total: int) -> None:
        if not as_json and done % EVERY == 0:
            say(f"{done:,} of {total:,} reports …")

    public = writing.fill(said)
    seconds = round(time.monotonic() - began, 1)
    result(as_json, {"public": public, "seconds": seconds}, f"{public:,} reports are public ({seconds} s).")
    return 0
