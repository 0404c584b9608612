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
    "--drop-old",
    is_flag=True,
    help="Remove the older keys afterwards. Backups made before then need them: keep a copy of the file.",
)
@with_data()
def rotate(data: Path, as_json: bool, drop_old: bool) -> None:
    """Make a new key and seal everything anew with it, while the installation serves. Safe to repeat when it was broken off."""
    from django.db import transaction

    from vonglau.core import audit, lookup, vault

    ring = vault.ring()
    old = ring.newest_first()
    fresh = vault.Key.fresh()
    ring.put([fresh, *old])
    known = {key.id for key in old}
    resealed = unreadable = 0
    for one in vault.everything():
        if vault.key_of(one.text) not in known:
            unreadable += 1
            continue
        again = vault.reseal(one.text, one.context)
        if again != one.text:
            one.put(again)
            resealed += 1
    lookup.renew()
    if drop_old:
        # A process may have sealed with an old key while the ring changed: such a key stays until the next rotation.
        used = {vault.key_of(one.text) for one in vault.everything()} | set(lookup.keys_in_use())
        ring.put([fresh, *(key for key in old if key.id in used)])
    with transaction.atomic():
        audit.record("secrets", {"step": "rotate", "by": operator(), "key": fresh.id, "resealed": resealed})
    result(
        as_json,
        {
            "key": fresh.id,
            "resealed": resealed,
            "unreadable": unreadable,
            "keys": [key.id for key in ring.newest_first()],
        },
        f"New key {fresh.id}; {resealed} secrets sealed anew. Copy {ring.path} to where you keep secrets.",
    )
    if unreadable:
        say(
            f"{unreadable} secrets were sealed by keys that are not here and stay as they are: `vonglau secrets status`."
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
