"""The reference pages about running it: settings, commands, metrics, checks. Listed in `generate.py`."""

from typing import Any

import click


def _table(*head: str) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def settings() -> str:
    from vonglau.web.options import OPTIONS

    lines = [
        "# Settings",
        "",
        "Made from `web/options.py`; `make docs` renews it. All are environment variables; `vonglau serve` sets most of them itself.",
        "A value that cannot be used stops the start and says what is expected.",
        "",
        *_table("Setting", "What it is", "Default", "Unit"),
    ]
    for one in OPTIONS.values():
        default = f"`{one.default}`" if one.default else "–"
        lines += [f"| `{one.name}` {one.title} | {_cell(one.what)} | {default} | {one.unit or '–'} |"]
    return "\n".join([*lines, ""])


def commands() -> str:
    from vonglau.cli import main

    lines = [
        "# Commands",
        "",
        "Made from the commands themselves; `make docs` renews it. Exit 0: fine. 1: a check failed. 2: bad input. With `--json` the",
        "last line on stdout is one JSON object; words for people go to stderr.",
        "",
    ]
    for path, command in _walk(main, click.Context(main, info_name="vonglau"), "vonglau"):
        lines += [f"## `{path}`", "", _cell(command.help or ""), ""]
        arguments = [one for one in command.params if isinstance(one, click.Argument)]
        options = [one for one in command.params if isinstance(one, click.Option)]
        usage = " ".join([path, *(f"{one.make_metavar(click.Context(command))}" for one in arguments)])
        lines += [f"    {usage} [OPTIONS]", ""]
        if options:
            lines += [*_table("Option", "Meaning", "Default"), *map(_option, options), ""]
    return "\n".join(lines)


def _walk(group: click.Command, context: click.Context, path: str) -> list[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        return [(path, group)]
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            found += _walk(command, click.Context(command, info_name=name, parent=context), f"{path} {name}")
    return found


def _option(one: click.Option) -> str:
    default: Any = one.default
    shown = (
        "–"
        if default in (None, "", False, ()) or repr(default).startswith("Sentinel") or callable(default)
        else f"`{default}`"
    )
    needed = " (needed)" if one.required else ""
    kind = "" if one.is_flag else f" {one.make_metavar(click.Context(click.Command('x')))}"
    return f"| `{_cell('`, `'.join(one.opts) + kind)}`{needed} | {_cell(one.help or '')} | {shown} |"


def metrics() -> str:
    from vonglau.kit.metrics import CATALOGUE

    lines = [
        "# Metrics",
        "",
        "Made from `kit/metrics.py`; `make docs` renews it. `GET /metrics` answers in Prometheus' text format: to the machine itself,",
        "and to a token with the scope `read`. Counters end in `_total` there. Figures of several processes are summed unless a label",
        "tells them apart.",
        "",
        *_table("Metric", "Kind", "Labels", "Meaning"),
    ]
    for name, one in CATALOGUE.items():
        lines += [f"| `{name}` | {one.kind} | {', '.join(one.labels) or '–'} | {_cell(one.help)} |"]
    return "\n".join([*lines, ""])


def checks() -> str:
    from vonglau.web.checks import all_checks

    lines = [
        "# Checks",
        "",
        "Made from `web/checks/`; `make docs` renews it. `vonglau check` runs all of them, beside a running server too; an error makes",
        "it exit 1.",
        "",
        *_table("Check", "Gravity", "What must hold", "How to see it", "What to do"),
    ]
    for one in all_checks():
        lines += [f"| `{one.name}` | {one.severity} | {_cell(one.what)} | {_cell(one.find)} | {_cell(one.do)} |"]
    return "\n".join([*lines, ""])
