"""`retention`: what has been kept long enough goes, by the rules of data/retention."""

from pathlib import Path

import click

from vonglau.web.commands.base import operator, result, with_data


@click.command()
@with_data()
@click.option("--dry-run", is_flag=True, help="Only say what would go; beside a running server too.")
def retention(data: Path, as_json: bool, dry_run: bool) -> int:
    """Remove sealed events whose time has ended, and bring older files up to date. A running server does it by itself every day."""
    from vonglau.core import retention as rules
    from vonglau.core import seams
    from vonglau.core.errors import Unavailable
    from vonglau.core.events import TICK_TYPE
    from vonglau.engines import open_history
    from vonglau.engines.history import folder
    from vonglau.engines.history.derive import use
    from vonglau.engines.history.retention import expired
    from vonglau.web import retaining
    from vonglau.web.derive import MAKER
    from vonglau.web.opening import open_log

    today = retaining.cutoffs()
    kept = rules.described(today.policy, [*seams.event_types(), TICK_TYPE])
    renewed = 0
    if dry_run:
        reader = open_history(data)
        found = reader.candidates()
        reader.close()
        taken = [one for _file, those in expired(folder(data), found, today, rules.needs()) for one in those]
    else:
        use(MAKER)
        log = open_log(data)
        keeping: object = log
        try:
            if not isinstance(keeping, retaining.Keeping):
                raise Unavailable("This engine's log does not remove events yet; nothing was changed.")
            taken, renewed = retaining.run(keeping, operator())
        finally:
            log.close()
    removed = retaining.summed(taken)
    lines = [f"{one['type']:<40} {_days(one['keep_days']):>12}  {one['rule']}" for one in kept]
    lines += [f"{one['events']:>12,} {one['type']} of {one['world']}: {one['rule']}" for one in removed]
    verb = "would be removed" if dry_run else "removed"
    lines.append(f"{sum(one.rows for one in taken):,} events {verb}; {renewed} files brought up to date.")
    result(as_json, {"kept": kept, "removed": removed, "dry_run": dry_run, "renewed": renewed}, "\n".join(lines))
    return 0


def _days(days: int | None) -> str:
    return "for ever" if days is None else f"{days:,} days"
