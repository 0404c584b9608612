"""`reports`: the two libraries of field reports over files: duplicates, categories. Scores stand in `science`."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import click

from vonglau.core.errors import BadInput
from vonglau.web.commands.base import result, say, without_data

IN = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)


@click.group()
def reports() -> None:
    """Field reports in files: find duplicates, learn and suggest categories. Columns are named as in Open311."""


def _progress(total: int, every: int = 20_000) -> Callable[[int], None]:
    """Says how far it is, every so many reports."""

    def said(done: int) -> None:
        if (done % every < 1_000 and done >= every) or done == total:
            say(f"{done:,} of {total:,} reports …")

    return said


@reports.command("duplicates")
@click.argument("file", type=IN)
@click.option("--out", required=True, type=OUT, help="Where report_id,candidate_id,rank go: CSV, at most 5 a report.")
@click.option("--earlier-only", is_flag=True, help="Only reports sent before: what can be known while somebody writes.")
@click.option(
    "--method",
    type=click.Choice(("learned", "weighted", "nearest")),
    default="learned",
    show_default=True,
    help="learned: boosted trees. weighted: distance, time, service. nearest: the same service within 200 m and 14 days.",
)
@click.option("--model", type=IN, help="A model of `reports fit-duplicates`; otherwise the one that came along.")
@without_data
def duplicates(file: Path, out: Path, earlier_only: bool, method: str, model: Path | None, as_json: bool) -> int:
    """Rank, for every report of FILE, the others that may be about the same matter. No status and no note is read."""
    from vonglau.services.field_reports.duplicates import columns, measuring, ranking
    from vonglau.services.field_reports.duplicates.model import load, shipped

    loaded = load(model) if model else shipped()
    found = columns.read(file)
    ids, rows, with_any = found.ids, 0, 0
    progress = None if as_json else _progress(len(found))
    try:
        with out.open("w", encoding="utf-8", newline="") as written:
            lines = csv.writer(written, lineterminator="\n")
            lines.writerow(measuring.COLUMNS)
            for part in ranking.rank_all(found, loaded, method=method, later=not earlier_only, said=progress):
                for of, best in zip(part.of.tolist(), part.to.tolist(), strict=True):
                    named = [ids[to] for to in best if to >= 0]
                    with_any += bool(named)
                    rows += len(named)
                    lines.writerows((ids[of], name, rank) for rank, name in enumerate(named, 1))
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror}): choose another --out.") from error
    body = {"reports": len(found), "with_candidates": with_any, "rows": rows, "method": method, "out": str(out)}
    result(as_json, body, f"{rows:,} candidates for {with_any:,} of {len(found):,} reports written to {out}.")
    return 0


@reports.command("fit-duplicates")
@click.argument("file", type=IN)
@click.argument("labels", type=IN)
@click.option("--model", required=True, type=OUT, help="Where the model goes: JSON.")
@click.option("--until", help="Learn only from reports sent before this day or moment; later ones remain to judge it.")
@without_data
def fit_duplicates(file: Path, labels: Path, model: Path, until: str | None, as_json: bool) -> int:
    """Learn the ranking from LABELS (duplicate_id, original_id), as a city's own staff named them."""
    import msgspec

    from vonglau.services.field_reports import table
    from vonglau.services.field_reports.duplicates import columns, fitting, measuring

    before = table.day(until) if until else math.inf
    pairs = [(label.duplicate, label.original) for label in measuring.read_labels(labels)]
    about = {
        "learned_by": "vonglau reports fit-duplicates",
        "reports": file.name,
        "labels": labels.name,
        "until": until or "the end",
    }
    learned = fitting.fit(columns.read(file), pairs, about, before, said=say)
    try:
        model.write_bytes(msgspec.json.encode(learned) + b"\n")
    except OSError as error:
        raise BadInput(f"{model} cannot be written ({error.strerror}): choose another --model.") from error
    result(as_json, {"model": str(model), "about": about}, f"Written to {model}.")
    return 0
