"""`reports`: the two libraries of field reports over files: duplicates, categories. Scores stand in `science`."""

import csv
import math
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vonglau.core.errors import BadInput
from vonglau.engines.database import VARIABLE
from vonglau.web.commands.base import (
    DEFAULT_DATA,
    configure,
    need_installation,
    result,
    say,
    with_database,
    with_json,
    without_data,
)
from vonglau.web.commands.models import install, models, rollback
from vonglau.web.commands.moving import bring_back, export
from vonglau.web.commands.publishing import publish
from vonglau.web.commands.subjects import subject

if TYPE_CHECKING:
    from vonglau.services.field_reports.suggesting.learning import Known

IN = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)


@click.group()
def reports() -> None:
    """Field reports in files: find duplicates, learn and suggest categories. Columns are named as in Open311."""


for command in (subject, models, install, rollback, export, bring_back, publish):
    reports.add_command(command)


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
@click.option("--since", help="Rank only reports sent on this day, at this moment, or later; against all of them.")
@click.option(
    "--method",
    type=click.Choice(("learned", "weighted", "nearest")),
    default="learned",
    show_default=True,
    help="learned: boosted trees. weighted: distance, time, service. nearest: the same service within 200 m and 14 days.",
)
@click.option("--model", type=IN, help="A model of `reports fit-duplicates`; otherwise the one that came along.")
@without_data
def duplicates(
    file: Path, out: Path, earlier_only: bool, since: str | None, method: str, model: Path | None, as_json: bool
) -> int:
    """Rank, for every report of FILE, the others that may be about the same matter. No status and no note is read."""
    from vonglau.services.field_reports import table
    from vonglau.services.field_reports.duplicates import columns, measuring, ranking
    from vonglau.services.field_reports.duplicates.model import load, shipped

    first = table.day(since) if since else -math.inf
    loaded = load(model) if model else shipped()
    found = columns.read(file)
    asked = int((found.at >= first).sum()) if since else len(found)
    ids, rows, with_any = found.ids, 0, 0
    progress = None if as_json else _progress(asked)
    parts = ranking.rank_all(found, loaded, method=method, later=not earlier_only, since=first, said=progress)
    try:
        with out.open("w", encoding="utf-8", newline="") as written:
            lines = csv.writer(written, lineterminator="\n")
            lines.writerow(measuring.COLUMNS)
            for part in parts:
                for of, best in zip(part.of.tolist(), part.to.tolist(), strict=True):
                    named = [ids[to] for to in best if to >= 0]
                    with_any += bool(named)
                    rows += len(named)
                    lines.writerows((ids[of], name, rank) for rank, name in enumerate(named, 1))
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror}): choose another --out.") from error
    body = {"reports": asked, "with_candidates": with_any, "rows": rows, "method": method, "out": str(out)}
    result(as_json, body, f"{rows:,} candidates for {with_any:,} of {asked:,} reports written to {out}.")
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


@reports.command("train")
@click.argument("file", type=IN, required=False)
@click.option("--until", help="Learn only from reports sent before this day or moment; later ones remain to judge it.")
@click.option(
    "--from-desk", is_flag=True, help="Learn from the reports this installation's own desk verified, as it filed them."
)
@click.option("--world", default="live", show_default=True, help="With --from-desk: whose desk.")
@click.option(
    "--model",
    type=OUT,
    help="Where the model goes; with --from-desk, otherwise among the candidates of the data folder. Nothing uses it yet.",
)
@click.option(
    "--method",
    type=click.Choice(("full", "tfidf")),
    default="full",
    show_default=True,
    help="full: words, pieces of words, place, time, photo. tfidf: words alone by TF-IDF, as a yardstick.",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0.05, 1.0),
    default=0.8,
    show_default=True,
    help="Share of reports for which it is to speak; the least sure abstain.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DATA,
    envvar="VONGLAU_DATA",
    show_default=True,
    help="The data folder, for --from-desk.",
)
@with_database
@with_json
def train(
    file: Path | None,
    until: str | None,
    from_desk: bool,
    world: str,
    model: Path | None,
    method: str,
    coverage: float,
    data: Path,
    database: str,
    as_json: bool,
) -> int:
    """Learn categories from FILE (service_code is what reports were filed as), or from the desk's own corrections.

    With --until, how good it is on the reports after that day is written into the model: the public register shows it once installed.
    """
    from vonglau.services.field_reports import table
    from vonglau.services.field_reports.suggesting import installed, judging, learning
    from vonglau.services.field_reports.suggesting.model import save

    if from_desk == bool(file):
        raise BadInput("Give a FILE to learn from, or --from-desk: one of both.")
    before = table.day(until) if until else math.inf
    about = {"learned_by": "vonglau reports train", "until": until or "the end", "method": method}
    if file:
        if model is None:
            raise BadInput("Say with --model where the model goes.")
        known = _of_file(file)
        about["from"] = file.name
    else:
        known, model = _of_desk(data, database, world, model)
        about["from"] = f"the desk of {world}"
    later = [one for one in known if one.report.at >= before]
    known = [one for one in known if one.report.at < before]
    learned = learning.learn(known, about, method=method, coverage=coverage, said=say)
    learned = judging.with_figures(learned, known, later)
    if from_desk:
        learned = judging.beside(learned, later, installed.model(data.expanduser().resolve()))
    about = learned.facts.about
    save(model, learned)
    body = {
        "model": str(model),
        "judged": len(later),
        "reports": len(known),
        "categories": list(learned.facts.codes),
        "threshold": round(learned.facts.threshold, 4),
        "about": about,
    }
    words = f"{len(learned.facts.codes)} categories from {len(known):,} reports written to {model}."
    if later:
        words += f"\nOn {len(later):,} later reports, of the 80 % it is surest of: right in {about['accuracy_at_80']}"
        words += f", what is used now in {about['before_at_80']}." if from_desk else "."
    if from_desk:
        words += f"\nNothing uses it yet: vonglau reports install {model}"
    result(as_json, body, words)
    return 0


def _of_file(file: Path) -> "list[Known]":
    from vonglau.services.field_reports.suggesting import features
    from vonglau.services.field_reports.suggesting.learning import Known

    found = features.read(file, codes=True)
    return [Known(report, code) for report, code in zip(found.reports, found.codes, strict=True)]


def _of_desk(data: Path, database: str, world: str, model: Path | None) -> "tuple[list[Known], Path]":
    data = data.expanduser().resolve()
    if database:
        os.environ[VARIABLE] = database
    need_installation(data)
    configure(data)
    from vonglau.core import worlds
    from vonglau.services.field_reports.suggesting import desk, installing

    known = desk.learned_from(worlds.world(world).pk)
    say(f"{desk.corrections(world):,} of {len(known):,} verified reports were filed otherwise than the citizen chose.")
    place = model or installing.candidates(data) / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.safetensors"
    place.parent.mkdir(parents=True, exist_ok=True)
    return known, place


@reports.command("suggest")
@click.argument("file", type=IN)
@click.option("--model", type=IN, help="A model of `reports train`; otherwise keywords of data/categories.")
@click.option("--out", required=True, type=OUT, help="Where id,service_code,confidence,abstained go: CSV.")
@without_data
def suggest(file: Path, model: Path | None, out: Path, as_json: bool) -> int:
    """Suggest a category for every report of FILE. What it was filed as is not looked at. An abstained line names the best guess."""
    from vonglau.core.facts import categories
    from vonglau.services.field_reports.suggesting import features, keywords, measuring
    from vonglau.services.field_reports.suggesting.model import load
    from vonglau.services.field_reports.suggesting.suggest import suggest_all

    learned = load(model) if model else None
    found = features.read(file, codes=False)
    if learned:
        suggestions = suggest_all(learned, found.reports)
    else:
        known = tuple(categories().values())
        suggestions = (keywords.suggest(report.words, known) for report in found.reports)
    progress = None if as_json else _progress(len(found.ids))
    abstained = 0
    try:
        with out.open("w", encoding="utf-8", newline="") as written:
            lines = csv.writer(written, lineterminator="\n")
            lines.writerow(measuring.COLUMNS)
            for done, (id, one) in enumerate(zip(found.ids, suggestions, strict=True), 1):
                lines.writerow((id, one.code, f"{one.confidence:.4f}", int(one.abstained)))
                abstained += one.abstained
                if progress and (done % 20_000 == 0 or done == len(found.ids)):
                    progress(done)
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror}): choose another --out.") from error
    body = {"reports": len(found.ids), "abstained": abstained, "out": str(out)}
    result(as_json, body, f"{len(found.ids):,} suggestions written to {out}; {abstained:,} abstain.")
    return 0
