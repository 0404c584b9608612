"""`reports export`, `reports import`: everything of field reports, for another installation or another vendor."""

from pathlib import Path

import click

from vonglau.web.commands.base import operator, result, say, with_data


@click.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--world", default="live", show_default=True)
@click.option(
    "--personal",
    is_flag=True,
    help="With words as written, contacts, secret links, notes, all photos and their originals: for moving to another system.",
)
@with_data()
def export(data: Path, as_json: bool, folder: Path, world: str, personal: bool) -> int:
    """Write every report of a world into the new FOLDER: JSON Lines and files (docs/reference/export.md). It is in the audit."""
    from vonglau.core.people.policy import Actor
    from vonglau.services.field_reports.moving import out

    said = (lambda words: None) if as_json else (lambda words: say(f"  {words}"))
    told = out.export(folder, world, Actor(operator(), "administrator"), personal=personal, said=said)
    kept = "with personal data: keep it as you keep a backup" if personal else "without personal data"
    result(as_json, told, f"{told['rows'].get('field_reports.report', 0):,} reports are in {folder}, {kept}.")
    return 0


@click.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_data()
def bring_back(data: Path, as_json: bool, folder: Path) -> int:
    """Bring an export with personal data into this installation, whose world must have no incident yet. All or nothing."""
    from vonglau.core.people.policy import Actor
    from vonglau.services.field_reports.moving import back

    said = (lambda words: None) if as_json else (lambda words: say(f"  {words}"))
    counts = back.bring_back(folder, Actor(operator(), "administrator"), said)
    result(as_json, counts, f"{counts.get('field_reports.report', 0):,} reports were brought in. Run `vonglau check`.")
    return 0
