"""`detect`, `score` and `bench`: the same folds over files, against labels, against the clock."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from vonglau.core.errors import BadInput
from vonglau.web.commands.base import result, say, without_data


@click.group()
def detect() -> None:
    """Run a service's detectors over a file: the same folds as live."""


@detect.command("traffic")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where alerts go: one JSON object a line.",
)
@click.option(
    "--quantity", help="What the file measures, when its name does not say: speed, occupancy, travel_time, flow."
)
@click.option("--zone", default="UTC", show_default=True, help="Time zone of times written without one.")
@without_data
def detect_traffic(file: Path, out: Path, quantity: str | None, zone: str, as_json: bool) -> int:
    """Detect anomalies in FILE with the columns timestamp,value: one sensor, one quantity."""
    from vonglau.services.traffic.offline import detect_csv

    count = 0
    alerts = list(detect_csv(file, quantity=quantity, zone=zone))
    try:
        with out.open("wb") as written:
            for alert in alerts:
                written.write(msgspec.json.encode(alert) + b"\n")
                count += 1
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror}): choose another --out.") from error
    result(as_json, {"alerts": count, "out": str(out)}, f"{count} alerts written to {out}.")
    return 0


@click.group()
def score() -> None:
    """Score detectors against labels."""


@score.command("nab")
@click.option(
    "--data-dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="NAB's data folder.",
)
@click.option(
    "--labels",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="combined_windows.json.",
)
@without_data
def score_nab(data_dir: Path, labels: Path, as_json: bool) -> int:
    """Score the traffic detector on labelled series of the Numenta Anomaly Benchmark."""
    from vonglau.services.traffic.scoring import score_nab as run

    body = run(data_dir, labels)
    result(as_json, body, json.dumps(body, ensure_ascii=False, indent=2, default=str))
    return 0


@score.command("duplicates")
@click.argument("ranked", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("labels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--reports", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The file that was ranked."
)
@click.option("--after", help="Only duplicates sent on this day, at this moment, or later; needs --reports.")
@without_data
def score_duplicates(ranked: Path, labels: Path, reports: Path | None, after: str | None, as_json: bool) -> int:
    """How many originals named in LABELS (duplicate_id, original_id) stand first, or among five, in RANKED."""
    from vonglau.services.field_reports.duplicates import measuring

    if bool(reports) != bool(after):
        raise BadInput("--after needs --reports FILE, which says when each report was sent, and the other way round.")
    named = measuring.read_ranked(ranked)
    judged = measuring.read_labels(labels)
    if reports and after:
        judged = measuring.sent_from(judged, reports, after)
    body: dict[str, Any] = {"ranked": ranked.name, "labels": labels.name, "after": after}
    body |= dict(measuring.parts(named, judged))
    lines = [
        f"{part:<17} {one['labels']:>7,} labels  recall@5 {one['recall_at_5']}  recall@1 {one['recall_at_1']}"
        for part, one in body.items()
        if isinstance(one, dict)
    ]
    result(as_json, body, "\n".join(lines))
    return 0


@score.command("suggest")
@click.argument("suggestions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--after", help="Only reports sent on this day, at this moment, or later: what the model has not seen.")
@click.option(
    "--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Other suggestions, beside."
)
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Draw accuracy over coverage: SVG.")
@without_data
def score_suggest(
    suggestions: Path, file: Path, after: str | None, against: Path | None, figure: Path | None, as_json: bool
) -> int:
    """How often SUGGESTIONS of `reports suggest` agree with what the reports of FILE were filed as, by coverage."""
    from vonglau.services.field_reports.suggesting import measuring

    judged = measuring.judge(measuring.read(suggestions), file, after)
    body: dict[str, Any] = {"suggestions": suggestions.name, "file": file.name, "after": after}
    body |= measuring.score(judged)
    curves = {suggestions.stem: measuring.curve(judged)}
    if against:
        other = measuring.judge(measuring.read(against), file, after)
        body["against"] = {"suggestions": against.name} | measuring.score(other)
        curves[against.stem] = measuring.curve(other)
    if figure:
        measuring.figure(curves, figure)
    lines = [
        f"{body['reports']:,} reports; it speaks for {body['spoken_share']}, and is right in {body['spoken_accuracy']} of those."
    ]
    lines += [f"coverage {point.coverage:<4}  accuracy {point.accuracy}" for point in curves[suggestions.stem]]
    result(as_json, body, "\n".join(lines))
    return 0


def _folder() -> Path:
    """bench/ of the checkout this program runs from."""
    import vonglau

    folder = Path(vonglau.__file__).resolve().parents[2] / "bench"
    if not folder.is_dir():
        raise BadInput("Benchmarks are part of the source, not of the installed package: run this in a checkout.")
    return folder


def _runs(path: Path) -> bool:
    return "\ndef run(" in path.read_text(encoding="utf-8")


def _load(path: Path) -> Callable[..., dict[str, Any]]:
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent.parent))
    spec.loader.exec_module(module)
    run: Callable[..., dict[str, Any]] = module.run
    return run


def _given(options: tuple[str, ...]) -> dict[str, Any]:
    """`--rounds 100`, `--rounds=100` and `rounds=100` say the same. BadInput for what is none of them."""
    words = iter(options)
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.removeprefix("--").partition("=")
        if not equals and word.startswith("--"):
            value = next(words, "")
        elif not equals:
            raise BadInput(f"{word}: options are key=value or --key value, such as --seconds 5.")
        given[key.replace("-", "_")] = _number(value)
    return given


def _number(text: str) -> int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@without_data
def bench(name: str, options: tuple[str, ...], as_json: bool) -> int:
    """Run the benchmark NAME (`list` names them). OPTIONS are its own, such as --seconds 5."""
    names = sorted(path.stem for path in _folder().glob("*.py") if _runs(path))
    if name == "list":
        result(as_json, {"items": names, "next": None}, "\n".join(names))
        return 0
    if name not in names:
        raise BadInput(f"There is no benchmark {name!r}: {', '.join(names)}.")
    given = _given(options)
    if not as_json:
        say(f"Running {name} …")
    body = _load(_folder() / f"{name}.py")(**given)
    result(as_json, body, json.dumps(body, ensure_ascii=False, indent=2, default=str))
    return 0
