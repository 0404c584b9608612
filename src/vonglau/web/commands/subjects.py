"""`reports subject`: what a person asks for: a copy of what is kept of them, and that it goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vonglau.web.commands.base import operator, result, with_data


@click.group("subject")
def subject() -> None:
    """A person's own data (Law 91/2025/QH15): export it, erase it. Each answer is written into the audit."""


def whose(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--reference", default="", help="One report, by its number."),
        click.option("--email", default="", help="Every report that gave this e-mail."),
        click.option("--phone", default="", help="Every report that gave this telephone, however it was written."),
    ):
        command = option(command)
    return command


@subject.command("export")
@whose
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="A new folder: JSON and photos."
)
@with_data()
def export(data: Path, as_json: bool, phone: str, email: str, reference: str, out: Path) -> int:
    """Write all that is kept of a person into a folder. Exit 1 when nothing is."""
    from vonglau.core.people.policy import Actor
    from vonglau.services.field_reports import subjects

    found = subjects.find(phone=phone, email=email, reference=reference)
    others = _others(found, phone, email)
    if not found and not others:
        result(as_json, {"reports": 0, "joined": 0, "photos": 0}, "Nothing is kept of them.")
        return 1
    told = subjects.export(found, out, Actor(operator(), "administrator"), others)
    words = f"{told['reports']} reports and {told['photos']} photos are in {out}, and {told['joined']} reports they joined or follow."
    result(as_json, told, words)
    return 0


def _others(found: list[Any], phone: str, email: str) -> list[Any]:
    """Voices at reports that are not their own."""
    from vonglau.services.field_reports import subjects

    own = {report.pk for report in found}
    return [
        voice
        for voice in subjects.voices(phone=phone, email=email)
        if voice.report_id not in own or voice.part != "reporter"
    ]


@subject.command("erase")
@whose
@click.option("--yes", is_flag=True, help="Erase for good; without it only say what would go.")
@with_data()
def erase(data: Path, as_json: bool, phone: str, email: str, reference: str, yes: bool) -> int:
    """Erase a person's words, contacts and photos for good. The reports' work and every count stay. Exit 1 when nothing is kept."""
    from vonglau.core import forgetting
    from vonglau.core.people.policy import Actor
    from vonglau.services.field_reports import subjects

    found = subjects.find(phone=phone, email=email, reference=reference)
    others = _others(found, phone, email)
    numbers = list(dict.fromkeys([*(one.reference for one in found), *(one.report.reference for one in others)]))
    if yes and numbers:
        subjects.erase(found, Actor(operator(), "administrator"), others)
        forgetting.settle()
    verb = "Erased" if yes else "Would be erased (add --yes)"
    result(
        as_json,
        {"reports": numbers, "erased": yes},
        f"{verb}: {', '.join(numbers)}" if numbers else "Nothing is kept of them.",
    )
    return 0 if numbers else 1
