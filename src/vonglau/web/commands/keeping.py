"""`secrets`: the keys outside the database, and what is sealed with them."""

from collections import Counter
from pathlib import Path

import click

from vonglau.web.commands.base import operator, result, say, with_data


@click.group()
def secrets() -> None:
    """Keys outside the database, and what is sealed with them."""


@secrets.command("status")
@with_data()
def status(data: Path, as_json: bool) -> int:
    """Keys of the ring, how much each has sealed, and whether the files' rights are tight. Exit 1 when something is wrong."""
    from django.conf import settings

    from vonglau.core import keyfiles, vault

    place = Path(settings.VONGLAU_SECRETS)
    keys = [key.id for key in vault.ring().newest_first()]
    counts = Counter((one.field, vault.key_of(one.text)) for one in vault.everything())
    unknown = sorted({key for _, key in counts} - set(keys))
    wrong = [*keyfiles.all_loose(place), *(f"Key {key} sealed something and is not in the ring." for key in unknown)]
    lines = [f"Folder   {place}"]
    lines += [f"Key      {key}{'  (newest: it seals)' if key == keys[0] else ''}" for key in keys]
    lines += [f"Sealed   {count:>6}  {field}  by {key}" for (field, key), count in sorted(counts.items())]
    result(
        as_json,
        {
            "folder": str(place),
            "keys": keys,
            "sealed": [{"field": f, "key": k, "count": n} for (f, k), n in sorted(counts.items())],
            "wrong": wrong,
        },
        "\n".join(lines),
    )
    for words in wrong:
        say(f"Wrong: {words}")
    return 1 if wrong else 0


@secrets.command("rotate")
@click.option(
    "--go-on",
    is_flag=True,
    help="Make no new key: go on with the newest one, where a run was broken off.",
)
@click.option(
    "--drop-old",
    is_flag=True,
    help="Remove the older keys afterwards. Backups made before then need them: keep a copy of the file.",
)
@with_data()
def rotate(data: Path, as_json: bool, go_on: bool, drop_old: bool) -> None:
    """Make a new key and seal everything anew with it, while the installation serves. Broken off, `--go-on` does the rest."""
    from django.db import transaction
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from vonglau.core import audit, lookup, rotating, vault

    ring = vault.ring()
    if not go_on:
        ring.put([vault.Key.fresh(), *ring.newest_first()])
    newest, *old = ring.newest_first()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        step = bar.add_task("Rows")
        done = rotating.everything(
            lambda table, at, total: bar.update(step, description=table, completed=at, total=total)
        )
    if drop_old:
        # A process may have sealed with an old key while the ring changed: such a key stays until the next rotation.
        used = {vault.key_of(one.text) for one in vault.everything()} | set(lookup.keys_in_use())
        ring.put([newest, *(key for key in old if key.id in used)])
    with transaction.atomic():
        audit.record("secrets", {"step": "rotate", "by": operator(), "key": newest.id, "resealed": done.resealed})
    result(
        as_json,
        {
            "key": newest.id,
            "resealed": done.resealed,
            "unreadable": done.unreadable,
            "keys": [key.id for key in ring.newest_first()],
        },
        f"Key {newest.id}; {done.resealed} secrets sealed anew. Copy {ring.path} to where you keep secrets.",
    )
    if done.unreadable:
        say(
            f"{done.unreadable} secrets were sealed by keys that are not here, or are damaged, and stay as they are: "
            "`vonglau secrets status`."
        )


@secrets.command("begin")
@click.option("--keys-are-lost", is_flag=True, required=True, help="What they sealed will never be read again.")
@with_data()
def begin(data: Path, as_json: bool, keys_are_lost: bool) -> None:
    """A first key where the file of keys is lost for good. Nothing that was sealed before can be read then.

    Whoever still has the file puts it back instead: then nothing is lost. Refused while the file is there.
    """
    from django.db import transaction

    from vonglau.core import audit, vault
    from vonglau.core.errors import Conflict

    ring = vault.ring()
    if ring.path.exists():
        raise Conflict(
            f"{ring.path} is there: nothing is lost. A new key beside the old ones: `vonglau secrets rotate`."
        )
    unreadable = Counter(one.field for one in vault.everything())
    fresh = ring.begin()
    with transaction.atomic():
        audit.record("secrets", {"step": "begin", "by": operator(), "key": fresh.id, "unreadable": unreadable.total()})
    lines = [f"Unreadable {count:>6}  {field}" for field, count in sorted(unreadable.items())]
    result(
        as_json,
        {"key": fresh.id, "unreadable": dict(unreadable)},
        "\n".join([*lines, f"New key {fresh.id}. Copy {ring.path} to where you keep secrets."]),
    )
