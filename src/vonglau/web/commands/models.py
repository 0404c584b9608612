"""`reports models`, `reports install`, `reports rollback`: which model suggests categories. Training alone changes nothing."""

from pathlib import Path
from typing import Any

import click

from vonglau.web.commands.base import operator, result, with_data

FIGURES = ("learned", "learned_first", "learned_last", "judged", "accuracy_at_80", "spoken_accuracy", "before_at_80")


@click.command("models")
@with_data()
def models(data: Path, as_json: bool) -> int:
    """Say which model is used, which wait, and what each was measured at."""
    from vonglau.services.field_reports.aids import digest
    from vonglau.services.field_reports.suggesting import installed, installing
    from vonglau.services.field_reports.suggesting.model import load

    used = installed.path_in(data)
    rows: list[dict[str, Any]] = []
    for path in [used, *sorted(installing.candidates(data).glob("*.safetensors"))]:
        if path.exists():
            about = load(path).facts.about
            rows.append({"file": str(path), "used": path == used, "sha256": digest(path), "about": about})
    lines = [
        f"{'used' if row['used'] else 'waits':<6} {row['sha256'][:12]}  {row['file']}\n"
        + "\n".join(f"         {name}: {row['about'][name]}" for name in FIGURES if name in row["about"])
        for row in rows
    ]
    result(
        as_json, {"items": rows, "next": None}, "\n".join(lines) or "No model: keywords of data/categories are used."
    )
    return 0


@click.command("install")
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_data()
def install(data: Path, as_json: bool, model: Path) -> int:
    """Use MODEL for suggestions from the next report on. What was used is kept; the step is in the audit."""
    from vonglau.services.field_reports.suggesting import installing

    put = installing.install(model, data, operator())
    words = f"{model} is used now. `vonglau reports rollback` takes it back."
    result(as_json, {"sha256": put.sha256, "about": put.about}, words)
    return 0


@click.command("rollback")
@with_data()
def rollback(data: Path, as_json: bool) -> int:
    """Use the model (or the keywords) that was used before the last `install`."""
    from vonglau.services.field_reports.suggesting import installing

    put = installing.roll_back(data, operator())
    words = (
        f"The model {put.sha256[:12]} is used again." if put.sha256 else "Keywords of data/categories are used again."
    )
    result(as_json, {"sha256": put.sha256, "about": put.about}, words)
    return 0
