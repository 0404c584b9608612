"""`check`: is everything whole? Exit 1 when something is broken."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from vonglau.web.commands.base import result, say, with_data

WAITING = "SELECT count(*) FROM quarantine WHERE state = 'open'"


@click.command()
@with_data()
@click.option("--list", "listing", is_flag=True, help="Only list the checks: what each looks for and what to do.")
@click.option("--thorough", is_flag=True, help="Compare every index of the databases with its table too.")
def check(data: Path, as_json: bool, listing: bool, thorough: bool) -> int:
    """Verify audit chains, checkpoints, log, references and files of DATA; beside a running server too.

    Exit 0: no error (warnings are said). 1: an error was found. 2: there was nothing to check. The result stands in `run/check.json`.
    """
    from vonglau.web import checks
    from vonglau.web.backups import records

    if listing:
        rows = [
            {"name": one.name, "severity": one.severity, "what": one.what, "find": one.find, "do": one.do}
            for one in checks.all_checks()
        ]
        result(
            as_json,
            {"items": rows, "next": None},
            "\n".join(f"{row['name']:<20} {row['severity']:<8} {row['what']}" for row in rows),
        )
        return 0
    began = time.monotonic()
    body = examine(data, quiet=as_json, thorough=thorough)
    text = _summary(body)
    named = {finding["check"]: finding["count"] for finding in body["findings"]}
    said = text.splitlines()[-1]
    records.write(data, records.CHECK, ok=body["ok"], seconds=time.monotonic() - began, said=said, findings=named)
    result(as_json, body, text)
    return 0 if body["ok"] else 1


def examine(data: Path, *, quiet: bool, thorough: bool = False) -> dict[str, Any]:
    """Run all checks; plain data."""
    from django.db import DatabaseError

    from vonglau.core.models import Alert, AuditRow, Checkpoint, Evidence, Incident
    from vonglau.engines import open_inspection, open_reader
    from vonglau.web import checks

    reader = open_reader(data)
    log = open_inspection(data)
    try:
        outcomes = checks.run_all(
            checks.Place(data, reader, log, thorough), lambda one: None if quiet else say(f"  {one.what}")
        )
        counts = {"events": reader.head(), "quarantine": log.one(WAITING)[0]}
        for model in (Incident, Alert, Evidence, AuditRow, Checkpoint):
            with suppress(DatabaseError):  # damaged: the findings say so
                counts[model.__name__.lower()] = model._default_manager.count()
    finally:
        log.close()
        reader.close()
    findings = [
        {
            "check": outcome.check.name,
            "severity": outcome.check.severity,
            "count": outcome.count,
            "examples": outcome.examples,
            "find": outcome.check.find,
            "do": outcome.check.do,
        }
        for outcome in outcomes
        if outcome.count
    ]
    return {
        "ok": not any(finding["severity"] == checks.ERROR for finding in findings),
        "checks": len(outcomes),
        "findings": findings,
        "counts": counts,
    }


def _summary(body: dict[str, Any]) -> str:
    lines = []
    for finding in body["findings"]:
        lines.append(f"{finding['severity'].upper()} {finding['check']}: {finding['count']} found")
        lines += [f"    {example}" for example in finding["examples"]]
        lines += [f"    find:  {finding['find']}", f"    do:    {finding['do']}"]
    counts = ", ".join(f"{count} {name}" for name, count in body["counts"].items())
    lines.append(f"{body['checks']} checks, {'all is whole' if body['ok'] else 'BROKEN'}: {counts}.")
    return "\n".join(lines)
