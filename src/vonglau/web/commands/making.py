"""What `init` makes, step by step. Also called by `demo`."""

import os
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import transaction
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vonglau.core import facts, levels
from vonglau.core.calendars import calendar
from vonglau.core.errors import BadInput
from vonglau.core.people import directory
from vonglau.core.people.models import Agency
from vonglau.core.places.index import PlaceIndex
from vonglau.core.places.load import load_places
from vonglau.core.places.models import Locality
from vonglau.core.worlds import World, WorldKind, ensure_world
from vonglau.engines import open_writer
from vonglau.engines.database import database_of, remember
from vonglau.web.keys import internal_token
from vonglau.web.upgrades import refuse_behind


def make(data: Path, locality: str, tier: str, *, quiet: bool) -> dict[str, Any]:
    """Databases, places, agencies, the live world; counts of what there is now."""
    data.chmod(0o700)
    if (data / "state.db").exists() and (data / "log.db").exists():
        refuse_behind(data)
    with Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet,
    ) as bar:
        step = bar.add_task("Databases", total=2)
        database = database_of(data)
        if database is not None:
            remember(data, database)
        call_command("migrate", verbosity=0, interactive=False)
        bar.advance(step)
        open_writer(data).close()
        internal_token(data)
        bar.advance(step)

        step = bar.add_task("Localities and wards", total=None)
        places = load_places(lambda done, total: bar.update(step, completed=done, total=total))
        bar.update(step, completed=1, total=1) if not bar.tasks[step].total else None
        named = Locality.objects.filter(code=locality, valid_to=None).first()
        if named is None:
            raise BadInput(
                f"There is no locality {locality!r} today: use a province code of data/vn/units_34.csv, such as 48."
            )

        step = bar.add_task("Index of wards", total=1)
        PlaceIndex.open(data / "cache", None if tier == "national" else frozenset({locality}))
        bar.advance(step)

        step = bar.add_task("Agencies, levels, calendar", total=2)
        agencies = load_agencies(locality)
        bar.advance(step)
        known = [calendar(level.calendar) and level.code for level in levels.levels().values()]
        live = ensure_world("live", WorldKind.LIVE, locality, f"{named.name_vi}", f"{named.name_en}")
        bar.advance(step)
    return {
        "data": str(data),
        "locality": live.locality,
        "tier": tier,
        "places": places,
        "agencies": agencies,
        "levels": known,
        "worlds": list(World.objects.values_list("pk", flat=True)),
    }


def agency_file(locality: str) -> str | None:
    """The name of the file of agencies of a locality, if one is shipped or given."""
    own = os.environ.get(facts.OVERRIDES)
    folders = [Path(own, "agencies")] if own else []
    for folder in [*folders, facts.data_path("agencies")]:
        for path in sorted(folder.glob("*.yaml")):
            if facts.agencies(path.stem).locality == locality:
                return path.stem
    return None


@transaction.atomic
def load_agencies(locality: str, *, demo: bool = False) -> int:
    """Agencies from the facts; invented ones only where the demonstration is made. Returns how many there are."""
    name = agency_file(locality)
    if name is not None and (demo or not facts.agencies(name).demo):
        directory.load_agencies(facts.agencies(name))
    return Agency.objects.filter(valid_from__lte=date.today()).count()  # noqa: DTZ011 - a count for people
