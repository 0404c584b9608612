"""`service`: make a city service, check it, translate it. For developers; docs/howto/add-a-service.md walks through all of it."""

import atexit
import shutil
import tempfile
from pathlib import Path

import click

from vonglau.web.commands.base import configure, result, say, without_data


def _set_up() -> None:
    """Django with a data folder of no installation: these commands read code, and keep nothing."""
    folder = tempfile.mkdtemp(prefix="vonglau-service-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    configure(Path(folder))


@click.group()
def service() -> None:
    """City services: make one, check one, translate one."""


@service.command("list")
@without_data
def listing(as_json: bool) -> int:
    """Installed services and what each declares."""
    _set_up()
    from vonglau.core.seams import services

    rows = [
        {
            "name": one.name,
            "title": str(one.title),
            "event_types": [kind.name for kind in one.event_types],
            "detectors": [detector.name for detector in one.detectors],
            "projections": [projection.name for projection in one.projections],
            "incident_kinds": [kind.code for kind in one.incident_kinds],
            "indicators": [indicator.code for indicator in one.indicators],
            "pages": [page.url_name for page in one.pages],
        }
        for one in services()
    ]
    lines = [f"{row['name']:<20} {row['title']:<28} {', '.join(row['event_types'])}" for row in rows]
    result(as_json, {"items": rows, "next": None}, "\n".join(lines))
    return 0


@service.command("new")
@click.argument("name")
@click.option("--title", "title_vi", required=True, help="What people call it, in Vietnamese.")
@click.option("--english", "title_en", required=True, help="The same in English.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Where the package's folder is made; with --in-tree, the checkout.",
)
@click.option("--in-tree", is_flag=True, help="A folder of src/vonglau/services/ instead of a package of your own.")
@without_data
def new(name: str, title_vi: str, title_en: str, into: Path, in_tree: bool, as_json: bool) -> int:
    """Write a small service NAME that works, with its tests: yours to change."""
    from vonglau.web import scaffold

    write = scaffold.in_tree if in_tree else scaffold.own_package
    root, written = write(name, title_vi, title_en, into.resolve())
    if in_tree:
        say("Next: ruff check --fix -q . ; ruff format -q . ; pip install --no-deps --no-build-isolation -e .")
    else:
        say(f"Next: pip install --no-deps --no-build-isolation -e {root}")
    say(f"      vonglau service words {name} && vonglau service check {name}")
    body = {"name": name, "folder": str(root), "files": [str(path) for path in written]}
    result(as_json, body, f"{root}: {len(written)} files.")
    return 0


@service.command("check")
@click.argument("name")
@without_data
def check(name: str, as_json: bool) -> int:
    """Say what is wrong with the installed service NAME, and what to do. Exit 1 when something is."""
    _set_up()
    from vonglau.web.scaffold import checking

    found, folder = checking.find(name)
    wrong = list(checking.faults(found, folder))
    lines = [f"  {fault}" for fault in wrong]
    lines.append(f"{name}: to mend: {len(wrong)}." if wrong else f"{name}: nothing to mend.")
    result(as_json, {"ok": not wrong, "service": name, "faults": wrong}, "\n".join(lines))
    return 1 if wrong else 0


@service.command("words")
@click.argument("name")
@without_data
def words(name: str, as_json: bool) -> int:
    """Bring NAME's English catalogue up to date with its code and templates, and compile it. Exit 1 while English is missing."""
    _set_up()
    from vonglau.core.testing.words import CATALOGUE
    from vonglau.web.scaffold import catalogue, checking

    folder = checking.find_folder(name)
    missing = catalogue.renew(folder)
    path = folder / CATALOGUE
    lines = [f"  {text}" for text in missing]
    lines.append(f"{path}: {len(missing)} texts wait for English." if missing else f"{path}: complete, and compiled.")
    result(as_json, {"catalogue": str(path), "missing": missing}, "\n".join(lines))
    return 1 if missing else 0


@service.command("tables")
@click.argument("name")
@without_data
def tables(name: str, as_json: bool) -> int:
    """Write the migration that brings the tables of NAME to what its models.py says; `vonglau init` then applies it."""
    _set_up()
    from django.core.management import call_command

    from vonglau.web.scaffold import checking

    folder = checking.find_folder(name)
    there = set((folder / "migrations").glob("0*.py"))
    call_command("makemigrations", name, verbosity=0, interactive=False)
    made = sorted(str(path) for path in set((folder / "migrations").glob("0*.py")) - there)
    result(as_json, {"written": made}, "\n".join(made) or "Models and migrations agree: nothing to write.")
    return 0
