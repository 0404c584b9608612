"""Reads such a folder into an installation that has no incident yet: all of it, checked against its manifest first, or nothing."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction

from vonglau.core import audit
from vonglau.core.audit_models import AuditHead
from vonglau.core.bulk import insert_many
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.incidents import files
from vonglau.core.incidents.models import Incident
from vonglau.core.people.models import Agency, Unit
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world as world_of
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
    world_of(world)
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
        _ = told["world"], told["personal"], told["made_at"]
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
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                told = json.loads(line)
            except ValueError as wrong:
                raise BadFile(f"{path}, line {number}: no JSON ({wrong})") from wrong
            if not isinstance(told, dict):
                raise BadFile(f"{path}, line {number}: no object")
            yield told


def _agencies(folder: Path) -> dict[tuple[str, ...], int]:
    """Agencies and units by their codes, made where they are not known."""
    known: dict[tuple[str, ...], int] = {}
    for told in _lines(folder / "agencies.jsonl"):
        units = told.pop("units", [])
        agency, _made = Agency.objects.get_or_create(
            code=told.pop("code"), valid_from=told.pop("valid_from"), defaults=told
        )
        key = (agency.code, str(agency.valid_from))
        known[key] = agency.pk
        for code, name_vi, name_en in units:
            unit, _made = Unit.objects.get_or_create(
                agency=agency, code=code, defaults={"name_vi": name_vi, "name_en": name_en}
            )
            known[*key, code] = unit.pk
    return known


def _inserted(table: Table, path: Path, known: dict[tuple[str, ...], int], world: str) -> int:
    fields = {field.attname: field for field in table.model._meta.concrete_fields}
    named = {field.name: field for field in fields.values() if field.related_model in (Agency, Unit)}
    count, lines = 0, _lines(path)
    while some := list(islice(lines, AT_ONCE)):
        rows = []
        for told in some:
            values = {}
            for name, value in told.items():
                if name in named and value is not None:
                    values[named[name].attname] = known[tuple(value)]
                elif name in fields:
                    values[name] = _value(fields[name], value)
                elif name not in named:
                    raise BadFile(
                        f"{path}: there is no column {name[:60]} here; use the release that wrote it, or a later one"
                    )
            if values.get("world", world) != world:
                raise BadFile(f"{path}: a row of another world")
            if table.model is AuditHead:
                values["checkpointed"] = False  # no root of this installation vouches for it yet
            rows.append(table.model(**values))
        if table.model._default_manager.filter(pk__in=[row.pk for row in rows]).exists():
            raise BadInput(
                f"This installation has rows of {table.name} already: bring reports into a new one, right after `vonglau init` and before "
                "accounts and settings are made."
            )
        insert_many(rows, with_keys=True)
        count += len(rows)
    return count


def _value(field: Any, value: Any) -> Any:
    if isinstance(field, models.BinaryField) and value is not None:
        return base64.b64decode(value)
    return value if isinstance(field, models.JSONField) else field.to_python(value)


def _numbers_go_on(world: str) -> None:
    """New rows must not take numbers that came from elsewhere."""
    written = [table.model for table in tables(world)]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), written):
            cursor.execute(statement)


def _files(folder: Path) -> int:
    """Into their places, each whole or not at all; what is there already is the same."""
    count = 0
    for path in sorted((folder / "files").iterdir()):
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
