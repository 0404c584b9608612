"""Writes field reports of a world into a new folder: JSON Lines a table, files as they are, a manifest that names and hashes them all."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet
from django.utils import timezone

import vonglau
from vonglau.core import audit
from vonglau.core.errors import BadInput, NotAllowed
from vonglau.core.incidents import files
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.models import Agency, Unit
from vonglau.core.people.policy import Actor
from vonglau.core.snapshot import one_moment
from vonglau.core.worlds import world as world_of
from vonglau.services.field_reports.models import Original, PhotoReview
from vonglau.services.field_reports.moving import left_out
from vonglau.services.field_reports.moving.tables import FORMAT, SHOWN, incidents_of, tables
from vonglau.services.field_reports.photos import originals

Said = Callable[[str], None]


def plain(field: Any, value: Any) -> Any:
    """As JSON keeps it: moments in ISO 8601 with their zone, bytes in base64, all else as it is."""
    if isinstance(field, models.BinaryField):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return value


Numbers = Mapping[type[models.Model], Mapping[int, int]]
"""By kind of row: its number in the database, and its number in the export."""


def _row(columns: list[Any], row: Any, numbers: Numbers | None) -> dict[str, Any]:
    """`numbers`: what rows are called instead; a link to a row without one is empty. None: they keep theirs."""
    told: dict[str, Any] = {}
    for field in columns:
        value = getattr(row, field.attname)
        of = field.model if field.primary_key else field.related_model
        if value is not None and of in (Agency, Unit):
            told[field.name] = _named(getattr(row, field.name))
        elif numbers is not None and of in numbers:
            told[field.attname] = numbers[of].get(value)
        else:
            told[field.attname] = plain(field, value)
    return told


def _counted(rows: "QuerySet[Any]") -> dict[int, int]:
    """Counted anew, from 1: for anybody. Gaps between the database's own numbers would tell how many rows nobody else may see, and
    between which two they came; a link that leads to one of them, that there is one."""
    return {pk: n for n, pk in enumerate(rows.order_by("pk").values_list("pk", flat=True).iterator(), 1)}


def _named(one: Any) -> list[str]:
    """Agencies and units are known by their codes: their numbers differ from installation to installation."""
    if isinstance(one, Unit):
        return [*_named(one.agency), one.code]
    return [one.code, one.valid_from.isoformat()]


def _agencies(*, personal: bool) -> Iterator[dict[str, Any]]:
    for agency in Agency.objects.order_by("code", "valid_from").prefetch_related("units"):
        yield {
            **{f.attname: plain(f, getattr(agency, f.attname)) for f in Agency._meta.concrete_fields
               if not f.primary_key and (personal or f.attname != "email")},
            "units": [[unit.code, unit.name_vi, unit.name_en] for unit in agency.units.order_by("code")],
        }  # fmt: skip


def export(
    folder: Path, world: str, actor: Actor, *, personal: bool, said: Said = lambda _words: None
) -> dict[str, Any]:
    """The manifest. Raises BadInput for a folder that is not empty, NotAllowed for personal data by others than administrators."""
    if personal and actor.role != "administrator":
        raise NotAllowed("Personal data of every reporter is exported by an administrator alone.")
    in_world = world_of(world)
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)  # also one that was there: before anything is in it
    (folder / "files").mkdir(mode=0o700)
    numbers: dict[type[models.Model], dict[int, int]] | None = None if personal else {}
    incidents = incidents_of(world)
    with one_moment():  # nobody waits for it: pictures, which take long, are copied afterwards
        links = left_out.empty_links(incidents) if personal else {}
        lacks = (
            left_out.counted(world, incidents, links) if personal else {}
        )  # for anybody even a number says that there is one
        counts = {"agencies": _written(folder / "agencies.jsonl", _agencies(personal=personal))}
        for table in tables(world):
            columns = table.columns(personal=personal)
            if columns:
                if numbers is not None:
                    numbers[table.model] = _counted(table.shown(personal=False))
                rows: Iterator[dict[str, Any]] = (_row(columns, row, numbers) for row in table.read(personal=personal))
                rows = _without(rows, links) if links and table.model is Incident else rows
                counts[table.name] = _written(folder / f"{table.name}.jsonl", rows)
                said(f"{table.name}: {counts[table.name]:,}")
        pictures = _pictures(world, personal=personal)
    counts["files"] = _files(folder, pictures)
    if personal and (gone := len(pictures) - counts["files"]):
        lacks[left_out.PICTURES] = gone
    manifest = {
        "format": FORMAT,
        "vonglau": vonglau.__version__,
        "made_at": timezone.now().isoformat(timespec="microseconds"),
        "world": world,
        "locality": in_world.locality,
        "personal": personal,
        "rows": counts,
        "left_out": lacks,
        "files": {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()},
    }
    body = {
        "at": manifest["made_at"],
        "who": actor.name,
        "role": actor.role,
        "step": "export_reports",
        "world": world,
        "personal": personal,
        "reports": counts.get("field_reports.report", 0),
    }
    with transaction.atomic():
        audit.record(audit.INSTALLATION, body)
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    return manifest


def _without(rows: Iterator[dict[str, Any]], links: Mapping[int, frozenset[str]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield row | dict.fromkeys(links.get(row["id"], ()))


def _written(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last number is the count
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    return count


def _pictures(world: str, *, personal: bool) -> dict[str, Path]:
    """Pictures that anybody may see; with personal data all of them, and the sealed originals, whose keys stand in their rows."""
    reviews = PhotoReview.objects.filter(report__world=world).exclude(public_sha256="")
    reviews = reviews if personal else reviews.filter(SHOWN[PhotoReview])
    wanted = {sha256: files.path_of(sha256) for sha256 in reviews.values_list("public_sha256", flat=True)}
    if personal:
        kept = Evidence.objects.filter(incident__in=incidents_of(world), erased_at=None).values_list(
            "sha256", flat=True
        )
        wanted |= {sha256: files.path_of(sha256) for sha256 in kept}
        names = Original.objects.filter(report__world=world).values_list("name", flat=True)
        wanted |= {f"original-{name}": originals.path_of(name) for name in names}
    return wanted


def _files(folder: Path, wanted: dict[str, Path]) -> int:
    """Copies what is there: a picture that was erased meanwhile is left out, as it is everywhere."""
    count = 0
    for name, path in wanted.items():
        for source, target in ((path, name), (files.path_of(name, thumb=True), f"{name}.thumb")):
            with suppress(FileNotFoundError):
                shutil.copyfile(source, folder / "files" / target)
                count += target == name
    return count


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
