"""`init`: the databases, the places, the live world. Safe to repeat: what is there stays."""

from pathlib import Path

import click

from vonglau.web.commands.base import result, say, with_data


@click.command()
@with_data(fresh=True)
@click.option("--locality", default="48", show_default=True, help="Province code of the city this installation serves.")
@click.option("--tier", type=click.Choice(["city", "national"]), default="city", show_default=True)
def init(data: Path, as_json: bool, locality: str, tier: str) -> None:
    """Create or update the databases in DATA, and load localities, wards, agencies and levels."""
    from vonglau.web.commands.making import make

    body = make(data, locality, tier, quiet=as_json)
    if not as_json:
        say(f"{data} is ready. Serve it with `vonglau serve --data {data}`.")
    result(as_json, body)
