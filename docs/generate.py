"""Writes the reference pages that are made from the code: `make docs`. A test fails when one of them is stale."""

import ast
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from docs import assurance, logs, operating

HERE = Path(__file__).parent / "reference"
PACKAGE = Path(__file__).parent.parent / "src" / "vonglau"


def states() -> str:
    """The state table as a diagram and as rows, in both languages."""
    from django.utils import translation

    from vonglau.core.incidents.states import STATE_NAMES, STEP_NAMES, TABLE

    lines = [
        "# States of an incident",
        "",
        "Made from `core/incidents/states.py`; `make docs` renews it.",
        "",
        "```mermaid",
    ]
    lines += ["stateDiagram-v2", "    [*] --> received"]
    for rule in TABLE:
        if rule.to is not None:
            lines += [f"    {source} --> {rule.to}: {rule.step}" for source in rule.sources]
    lines += ["```", ""]
    with translation.override("en"):
        english = [str(rule.reason) for rule in TABLE]
    with translation.override("vi"):
        names = " · ".join(f"`{state}` {name}" for state, name in STATE_NAMES.items())
        lines += [f"States: {names}", "", "| Step | From | To | Who | Must carry | Why |", "|---|---|---|---|---|---|"]
        for number, rule in enumerate(TABLE):
            sources = "any" if len(rule.sources) == len(STATE_NAMES) else ", ".join(rule.sources)
            who = ", ".join(sorted(rule.roles)) + (" (agency: its own)" if rule.own and "agency" in rule.roles else "")
            needs = ", ".join(sorted(rule.needs)) or "–"
            step = f"`{rule.step}` {STEP_NAMES[rule.step]}"
            lines.append(
                f"| {step} | {sources} | {rule.to or 'stays'} | {who} | {needs} | {rule.reason} *{english[number]}* |"
            )
    lines += [
        "",
        "Two more rules stand in `core/people/policy.py`: what an alert opened is closed by a supervisor, and a paused clock can only be",
        "resumed. A merged incident follows its keeper. A part that was split off keeps the moment the whole was received.",
        "",
    ]
    return "\n".join(lines)


def services() -> str:
    """What each service of ours declares: event types, detectors, projections, kinds, indicators, settings. A stranger's that happens to
    be installed beside them has pages of its own."""
    from django.utils import translation

    from vonglau.core.seams import indicators
    from vonglau.core.seams import services as installed

    lines = ["# What the services declare", "", "Made from each `service.py`; `make docs` renews it.", ""]
    with translation.override("en"):
        for service in installed():
            if not (PACKAGE / "services" / service.name).is_dir():
                continue
            lines += [f"## {service.title} (`{service.name}`)", ""]
            lines += [f"- event type `{kind.name}`: {kind.title}" for kind in service.event_types]
            lines += [f"- detector `{detector.name}`, version {detector.version}" for detector in service.detectors]
            lines += [f"- projection `{one.name}`, version {one.version}" for one in service.projections]
            lines += [f"- alert kind `{kind.code}`: {kind.title}" for kind in service.alert_kinds]
            lines += [f"- incident kind `{kind.code}`: {kind.title}" for kind in service.incident_kinds]
            lines += [f"- indicator `{indicator.code}`: {indicator.title}" for indicator in service.indicators]
            lines += [f"- setting `{one.name}`: {one.what}" for one in service.settings]
            lines.append("")
        lines += [
            "## Indicators every city has",
            "",
            "| Code | Title | Definition | Numerator | Denominator |",
            "|---|---|---|---|---|",
        ]
        own = {indicator.code for service in installed() for indicator in service.indicators}
        for code, one in indicators().items():
            if code not in own:
                lines.append(
                    f"| `{code}` | {one.title} | {one.definition} | {one.numerator} | {one.denominator or '–'} |"
                )
    return "\n".join([*lines, ""])


def seams() -> str:
    """Every extension point with its sentence, read from `core/seams.py` itself."""
    tree = ast.parse((PACKAGE / "core" / "seams.py").read_text(encoding="utf-8"))
    lines = [
        "# Seams",
        "",
        "Made from `core/seams.py`; `make docs` renews it.",
        "",
        "| Seam | What it is |",
        "|---|---|",
    ]
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            said = (ast.get_docstring(node) or "").split("\n\n", maxsplit=1)[0].replace("\n", " ")
            lines.append(f"| `{node.name}` | {said} |")
    return "\n".join([*lines, ""])


def history() -> str:
    """The columns of `events`, as `vonglau history` lists them."""
    from vonglau.engines.history.reference import COLUMNS

    lines = [
        "# The columns of `events`",
        "",
        "Made from `engines/history/reference.py`; `make docs` renews it. How to ask:",
    ]
    lines += ["[history](../howto/history.md).", "", "| Column | Type | What it is |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{one.name}` | {one.type} | {one.what} |" for one in COLUMNS), ""])


def open_data() -> str:
    """The columns of the files of public reports, and what an address may ask of them."""
    from vonglau.services.field_reports.published import files, filters

    lines = [
        "# Open data of field reports",
        "",
        "Made from `services/field_reports/published/files.py`; `make docs` renews it.",
        "",
        "`/field_reports/data/reports.csv`, `.geojson` and `.parquet` (GeoParquet 1.1) hold the same rows, of the last commit; "
        "`/field_reports/data/reports.json` describes them for programs (Frictionless Data Package: columns, licence, addresses). "
        "Anybody may read them, from any web page. One process writes two files at a time; a third asks again after the "
        "seconds in `Retry-After`.",
        "",
        "The licence is `VONGLAU_FIELD_REPORTS_LICENCE`. CSV is UTF-8 with a byte order mark; text that a spreadsheet would compute "
        "comes after an apostrophe. "
        "Moments are UTC. What was refused as a complaint, a denunciation or a state secret is in none of them.",
        "",
        "| Column | Type | What it is | Nghĩa |",
        "|---|---|---|---|",
        *(f"| `{one.name}` | {one.kind} | {one.en} | {one.vi} |" for one in files.COLUMNS),
        "",
        "GeoJSON has the point as its geometry instead of the two columns; GeoParquet has it beside them as WKB in `geometry` "
        "(WGS 84, longitude first).",
        "",
        "| Argument | What it asks for |",
        "|---|---|",
        "| `category`, `ward`, `agency` | one code; an agency under every name it has borne |",
        f"| `state` | {', '.join(filters.STATES)} |",
        f"| `period` | {', '.join(filters.PERIODS)} (days); {filters.USUAL} unless said |",
        "| `from`, `to` | local days, both within, instead of `period` |",
        "| `q` | words, with or without their marks |",
        "| `bbox` | west,south,east,north in degrees |",
        "",
        "The map, the list, the Atom feed (`/field_reports/feed.atom`) and the statistics take the same ones. A file refuses what it "
        "does not understand (400); a page leaves it out.",
        "",
    ]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "states.md": states,
    "services.md": services,
    "seams.md": seams,
    "settings.md": operating.settings,
    "commands.md": operating.commands,
    "metrics.md": operating.metrics,
    "checks.md": operating.checks,
    "history.md": history,
    "open-data.md": open_data,
    "logs.md": logs.page,
    "../security/asvs.md": assurance.page,
}


def main() -> None:
    os.environ.setdefault("VONGLAU_DATA", tempfile.mkdtemp())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vonglau.web.settings")
    import django

    import vonglau  # noqa: F401  (swaps in the SQLite wheel before Django looks)

    django.setup()
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
