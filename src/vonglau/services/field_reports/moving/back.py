"""Reads such a folder into an installation that has no incident yet: all of it, checked against its manifest first, or nothing."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction

from vonglau.core import audit
from vonglau.core.audit_models import AuditHead
from vonglau.core.bulk import insert_many
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.incidents import files
from vonglau.core.incidents.models import Incident
from vonglau.core.people.models import Agency, Unit
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world as world_of
from vonglau.services.field_reports.moving import bound
from vonglau.services.field_reports.moving.reading import BAD, Reader, in_a_line
from vonglau.services.field_reports.moving.tables import FORMAT, Table, tables
from vonglau.services.field_reports.photos import originals
from vonglau.services.field_reports.published import writing

AT_ONCE = 1_000
NAME = re.compile(r"(?:[0-9a-f]{64}(?:\.thumb)?|original-[0-9a-f]{32})\Z")
"""Of a picture, its small copy, a sealed original."""
NAMED_BY_CONTENT = 64
"""Length of a picture's name: its SHA-256."""

Said = Callable[[str], None]


def bring_back(folder: Path, actor: Actor, said: Said = lambda _words: None) -> dict[str, Any]:
    """Rows by table. Raises BadFile for a folder that is not what its manifest says, BadInput where there are incidents already."""
    manifest = _manifest(folder)
    world = str(manifest["world"])
    ours = world_of(world).locality
    if str(manifest["locality"]) != ours:
        raise BadInput(
            f"{folder} holds reports of the locality {str(manifest['locality'])[:40]}, this installation's world {world!r} is of {ours}: "
            f"make one with `vonglau init --locality {str(manifest['locality'])[:40]}`."
        )
    if not manifest["personal"]:
        raise BadInput(
            f"{folder} was exported without personal data: it is for reading, and lacks what an installation needs."
        )
    if Incident.objects.filter(world=world).exists():
        raise BadInput(
            f"The world {world!r} has incidents already: reports are brought into an empty installation alone."
        )
    # Pictures are named by their content, so that those of an import that is then refused do no harm; and nobody waits for them.
    counts = {"files": _files(folder)}
    with transaction.atomic():
        known = _agencies(folder)
        for table in tables(world):
            path = folder / f"{table.name}.jsonl"
            if path.exists():
                counts[table.name] = _inserted(table, path, known, world)
                said(f"{table.name}: {counts[table.name]:,}")
                if table.model is Incident:
                    bound.whole(world)
        writing.of_world(world)
        _numbers_go_on(world)
        body = {
            "at": manifest["made_at"],
            "who": actor.name,
            "role": actor.role,
            "step": "import_reports",
            "world": world,
        }
        audit.record(audit.INSTALLATION, {**body, "reports": counts.get("field_reports.report", 0)})
    return counts


def _manifest(folder: Path) -> dict[str, Any]:
    """Checked: every file it names is there, unchanged, and there is no other."""
    try:
        told: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        named = dict(told["files"])
        if told["format"] != FORMAT:
            raise BadFile(f"{folder}: format {str(told['format'])[:40]!r}, this program reads {FORMAT!r}")
        _ = told["world"], told["locality"], told["personal"], told["made_at"]
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise BadFile(
            f"{folder}: no export of field reports ({wrong}); give the folder of `vonglau reports export`"
        ) from wrong
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    for name in sorted(there ^ set(named)):
        raise BadFile(f"{folder}: {name[:80]} is {'not in the manifest' if name in there else 'missing'}; export anew")
    for name, sha256 in named.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise BadFile(f"{folder}: {name[:80]} was changed since; export anew")
    return told


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        raise BadFile(f"{path} is missing; export anew")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                told = json.loads(line)
            except (ValueError, RecursionError) as wrong:
                raise BadFile(f"{path}, line {number}: no JSON ({wrong})") from wrong
            if not isinstance(told, dict):
                raise BadFile(f"{path}, line {number}: no object")
            yield told


def _agencies(folder: Path) -> dict[tuple[str, ...], int]:
    """Agencies and units by their codes, made where they are not known."""
    known: dict[tuple[str, ...], int] = {}
    path = folder / "agencies.jsonl"
    reader = Reader(Agency, {})
    for number, told in enumerate(_lines(path), 1):
        try:
            units = told.pop("units", [])
            asked = reader.row({**told, "code": told["code"], "valid_from": told["valid_from"], "id": number})
            agency, _made = Agency.objects.get_or_create(
                code=asked.code, valid_from=asked.valid_from, defaults={name: getattr(asked, name) for name in told}
            )
            key = (agency.code, agency.valid_from.isoformat())
            known[key] = agency.pk
            for code, name_vi, name_en in units:
                names = {"name_vi": str(name_vi)[:200], "name_en": str(name_en)[:200]}
                unit, _made = Unit.objects.get_or_create(agency=agency, code=str(code)[:40], defaults=names)
                known[*key, unit.code] = unit.pk
        except BAD as wrong:
            raise BadFile(f"{path}, line {number}: {in_a_line(wrong)}") from wrong
    return known


def _inserted(table: Table, path: Path, known: dict[tuple[str, ...], int], world: str) -> int:
    reader = Reader(table.model, known)
    count, lines = 0, _lines(path)
    while some := list(islice(lines, AT_ONCE)):
        rows = []
        for number, told in enumerate(some, count + 1):
            try:
                rows.append(reader.row(told))
            except BAD as wrong:
                raise BadFile(f"{path}, line {number}: {in_a_line(wrong)}") from wrong
        if table.model is AuditHead:
            for row in rows:
                row.checkpointed = False  # no root of this installation vouches for it yet
        if table.model._default_manager.filter(pk__in=[row.pk for row in rows]).exists():
            raise BadInput(
                f"This installation has rows of {table.name} already: bring reports into a new one, right after `vonglau init` and before "
                "accounts and settings are made."
            )
        try:
            bound.rows(table, rows, world)
            insert_many(rows, with_keys=True)
        except BAD as wrong:
            raise BadFile(f"{path}, lines {count + 1} to {count + len(rows)}: {in_a_line(wrong)}") from wrong
        count += len(rows)
    return count


def _numbers_go_on(world: str) -> None:
    """New rows must not take numbers that came from elsewhere."""
    written = [table.model for table in tables(world)]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), written):
            cursor.execute(statement)


def _files(folder: Path) -> int:
    """Into their places, each whole or not at all; what is there already is the same."""
    count = 0
    for path in sorted((folder / "files").glob("*")):  # an empty folder is lost where only files are copied
        name = path.name
        if not NAME.match(name):
            raise BadFile(f"{path}: no name of a picture")
        if len(name) == NAMED_BY_CONTENT and hashlib.sha256(path.read_bytes()).hexdigest() != name:
            raise BadFile(f"{path}: its content is not what its name says; export anew")
        if name.startswith("original-"):
            files.keep(originals.path_of(name.removeprefix("original-")), path.read_bytes())
        else:
            files.keep(files.path_of(name.removesuffix(".thumb"), thumb=name.endswith(".thumb")), path.read_bytes())
        count += not name.endswith(".thumb")
    return count
