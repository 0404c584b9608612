"""`backup` (take, list, verify, prune) and `restore`."""

import os
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vonglau.web.commands.base import Group, operator, result, say, with_data, with_json, without_data

if TYPE_CHECKING:
    from vonglau.web.backups.manifest import Snapshot
    from vonglau.web.backups.restore import Restored

FOLDER = click.Path(file_okay=False, path_type=Path)
PASSPHRASE = "VONGLAU_PASSPHRASE"  # noqa: S105 - a variable's name
STEP_SECONDS = 2.0


class Short(Group):
    """`vonglau backup DIR` is short for `vonglau backup take DIR`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = next((word for word in args if not word.startswith("-")), None)
        if args and named not in self.commands and not {"-h", "--help"} & set(args[:1]):
            args = ["take", *args]
        return super().parse_args(ctx, args)


class Progress:
    """A line on stderr now and then, for people who wait; none when the output is for a program."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.said_at = quiet, time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self.quiet and time.monotonic() - self.said_at >= STEP_SECONDS:
            self.said_at = time.monotonic()
            say(f"  {what}: {done:,} of {total:,}" if total else f"  {what}")


def passphrase(file: Path | None, *, twice: bool) -> str:
    """From a file, the environment, or the keyboard."""
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    if os.environ.get(PASSPHRASE):
        return os.environ[PASSPHRASE]
    if not sys.stdin.isatty():
        raise click.UsageError(f"No passphrase: give --passphrase-file, set {PASSPHRASE}, or type it at a terminal.")
    return str(click.prompt("Passphrase of the keys", hide_input=True, confirmation_prompt=twice, err=True))


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def as_dict(snapshot: "Snapshot") -> dict[str, Any]:
    """What programs get of a snapshot: everything but its list of files."""
    import msgspec

    body: dict[str, Any] = msgspec.to_builtins(snapshot)
    body["files"] = len(snapshot.files)
    return {**body, "bytes": snapshot.bytes}


@click.group(cls=Short)
def backup() -> None:
    """Copy an installation while it runs, look after the copies. `vonglau backup DIR` is short for `backup take DIR`."""


KEEP = click.option("--keep", type=click.IntRange(1), help="Keep the newest N snapshots.", metavar="N")
DAYS = click.option("--days", type=click.IntRange(1), help="Forget snapshots older than this many days.")
THIN = click.option("--thin", is_flag=True, help="Of days gone by keep the last snapshot of each.")
SECRET_FILE = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Its passphrase; or {PASSPHRASE}.",
)


@backup.command()
@click.argument("folder", type=FOLDER, metavar="DIR")
@with_data()
@click.option(
    "--with-secrets", is_flag=True, help="Also keep the keys, sealed under a passphrase. Otherwise keep them elsewhere."
)
@SECRET_FILE
@click.option(
    "--every",
    type=click.FloatRange(0.1),
    metavar="MINUTES",
    help="Go on until stopped: a snapshot every so many minutes.",
)
@KEEP
@DAYS
@THIN
def take(
    data: Path,
    as_json: bool,
    folder: Path,
    with_secrets: bool,
    passphrase_file: Path | None,
    every: float | None,
    keep: int | None,
    days: int | None,
    thin: bool,
) -> int:
    """Make a snapshot of DATA in DIR, beside a running server. Only what is not in DIR yet is written there."""
    phrase = passphrase(passphrase_file, twice=True) if with_secrets else None
    stop = threading.Event()
    if every is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    while True:
        began = time.monotonic()
        body = one(
            data,
            folder,
            phrase,
            rules={"keep": keep, "days": days, "thin": thin},
            quiet=as_json,
            go_on=every is not None,
        )
        result(as_json, body, body["said"])
        if every is None:
            return 0
        if stop.wait(max(1.0, every * 60 - (time.monotonic() - began))):
            return 0


def one(
    data: Path, folder: Path, phrase: str | None, *, rules: dict[str, Any], quiet: bool, go_on: bool = False
) -> dict[str, Any]:
    """One snapshot, pruning by the rules, and the record for the health page. `go_on`: a failure is said, and tried again next time."""
    from django.conf import settings

    from vonglau.core.errors import VongLauError
    from vonglau.web.backups import keeping, records
    from vonglau.web.backups.store import Store
    from vonglau.web.backups.take import take as make

    began, store = time.monotonic(), Store(folder.expanduser().resolve())
    try:
        made = make(data, store, secrets=Path(settings.VONGLAU_SECRETS), passphrase=phrase, told=Progress(quiet=quiet))
        gone, freed = keeping.prune(store, **rules) if any(rules.values()) else ([], 0)
    except VongLauError as failed:
        records.write(data, records.BACKUP, ok=False, seconds=time.monotonic() - began, said=failed.message)
        if not go_on:
            raise
        say(f"Error: {failed.message}")
        return {"ok": False, "said": f"No snapshot: {failed.message}"}
    seconds = time.monotonic() - began
    said = (
        f"Snapshot {made.id}: {_mb(made.bytes)} in {len(made.files)} files, {_mb(made.new_bytes)} of them new, in {seconds:.1f} s; "
        f"events through {made.positions.log_head}."
    )
    for name in made.left_out:
        say(f"Not in the backup, because of no known kind: {name}")
    if phrase is None:
        say("The keys (secrets) are not in it: keep them elsewhere, or use --with-secrets.")
    records.write(data, records.BACKUP, ok=True, seconds=seconds, said=said, snapshot=made.id, folder=str(store.folder))
    return {
        "ok": True,
        "said": said,
        "seconds": round(seconds, 2),
        "pruned": gone,
        "freed_bytes": freed,
        **as_dict(made),
    }


@backup.command("list")
@click.argument("folder", type=FOLDER, metavar="DIR")
@without_data
def listing(folder: Path, as_json: bool) -> int:
    """Name the snapshots in DIR, oldest first. Exit 1 when one is damaged."""
    from vonglau.web.backups.keeping import readable
    from vonglau.web.backups.store import Store

    store = Store(folder.expanduser().resolve())
    store.mark()
    good, bad = readable(store)
    lines = [f"{'snapshot':<21} {'state of (UTC)':<20} {'events':>12} {'size':>12} {'new':>12}  keys  version"]
    lines += [_row(snapshot) for snapshot in good]
    lines += [f"{name:<21} DAMAGED: {what}" for name, what in bad.items()]
    result(as_json, {"items": [as_dict(one) for one in good], "damaged": bad, "next": None}, "\n".join(lines))
    return 1 if bad else 0


def _row(one: "Snapshot") -> str:
    return (
        f"{one.id:<21} {one.state_at:%Y-%m-%d %H:%M:%S}  {one.positions.log_head:>12,} {_mb(one.bytes):>12} "
        f"{_mb(one.new_bytes):>12}  {'yes ' if one.secrets else 'no  '}  {one.tool}"
    )


@backup.command()
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option("--quick", is_flag=True, help="Only the digests; no restore in scratch.")
@without_data
def verify(folder: Path, as_json: bool, quick: bool) -> int:
    """Read every piece in DIR and compare it with its digest; restore the newest snapshot in scratch and run `check` on it.

    A snapshot of PostgreSQL is tried in the empty database that VONGLAU_DATABASE names, and taken out of it again.
    """
    from vonglau.web.backups import verify as verifying
    from vonglau.web.backups.store import Store

    store = Store(folder.expanduser().resolve())
    store.mark()
    progress = Progress(quiet=as_json)
    wrong, size = verifying.pieces(store, progress)
    body: dict[str, Any] = {
        "ok": not wrong,
        "snapshots": len(store.names()),
        "bytes": size,
        "wrong": wrong,
        "tried": None,
    }
    if not wrong and not quick:
        from vonglau.core.errors import Broken

        try:
            body["tried"] = verifying.tried(store, by=f"verify by {operator()}", told=progress)
        except Broken as failed:
            body |= {"ok": False, "wrong": [failed.message]}
    lines = [
        *body["wrong"],
        f"{body['snapshots']} snapshots, {_mb(size)} read: {'all is whole' if body['ok'] else 'BROKEN'}.",
    ]
    if body["tried"]:
        lines.append(f"Snapshot {body['tried']} was restored in scratch and passes `check`.")
    result(as_json, body, "\n".join(lines))
    return 0 if body["ok"] else 1


@backup.command()
@click.argument("folder", type=FOLDER, metavar="DIR")
@KEEP
@DAYS
@THIN
@without_data
def prune(folder: Path, as_json: bool, keep: int | None, days: int | None, thin: bool) -> None:
    """Forget snapshots in DIR by the rules given, and free the pieces that only they needed. The newest always stays."""
    from vonglau.web.backups import keeping
    from vonglau.web.backups.store import Store

    store = Store(folder.expanduser().resolve())
    store.mark()
    gone, freed = keeping.prune(store, keep=keep, days=days, thin=thin)
    result(as_json, {"pruned": gone, "freed_bytes": freed}, f"{len(gone)} snapshots forgotten, {_mb(freed)} freed.")


@click.command()
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.argument("target", type=FOLDER, metavar="DATA")
@click.option(
    "--at", help="The newest snapshot not younger than this time, such as 2026-11-25T10:00+07:00 (no zone: UTC)."
)
@click.option("--snapshot", default="", help="This snapshot, as `backup list` names it.")
@click.option(
    "--events",
    type=click.Choice(["same", "newest"]),
    default="same",
    show_default=True,
    help="newest: take the events from the newest snapshot, whatever the time of the rest; detectors fold them again.",
)
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the keys (a copy of secrets/).",
)
@click.option(
    "--erased",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder erased/ of the data folder that is replaced: what people had erased since the newest snapshot is erased again.",
)
@click.option("--with-secrets", is_flag=True, help="Use the keys in the snapshot.")
@SECRET_FILE
@click.option("--without-keys", is_flag=True, help="Go on although sealed content cannot be read any more.")
@click.option("--in-spite-of-findings", "in_spite", is_flag=True, help="Put it in place although `check` finds errors.")
@with_json
def restore(
    folder: Path,
    target: Path,
    as_json: bool,
    at: str | None,
    snapshot: str,
    events: str,
    keys: Path | None,
    erased: Path | None,
    with_secrets: bool,
    passphrase_file: Path | None,
    without_keys: bool,
    in_spite: bool,
) -> int:
    """Make the new folder DATA of a snapshot in DIR: verified, reconciled, checked, and only then under its name."""
    from vonglau.web.backups.restore import Wish
    from vonglau.web.backups.restore import restore as make
    from vonglau.web.backups.store import Store

    target = target.expanduser().resolve()
    wish = Wish(
        at=None if at is None else _time(at),
        snapshot=snapshot,
        events=events,
        keys=keys,
        erased=erased.expanduser().resolve() if erased else None,
        passphrase=passphrase(passphrase_file, twice=False) if with_secrets else None,
        without_keys=without_keys,
        in_spite=in_spite,
    )
    store = Store(folder.expanduser().resolve())
    done = make(store, target, wish, by=operator(), told=Progress(quiet=as_json))
    result(as_json, {**_restored(done), "data": str(target)}, _words(done, target, wish))
    return 0


def _time(text: str) -> datetime:
    from datetime import UTC

    try:
        at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise click.UsageError(f"{text!r} is no time: write 2026-11-25T10:00+07:00.") from wrong
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _restored(done: "Restored") -> dict[str, Any]:
    import msgspec

    return {
        "snapshot": done.state.id,
        "events_of": done.log.id,
        "state_at": done.state.state_at,
        "log_at": done.log.log_at,
        "positions": msgspec.to_builtins(done.log.positions),
        "reconciled": msgspec.to_builtins(done.reconciled),
        "upgraded": list(done.upgraded),
        "lost_keys": done.lost_keys,
        "erased": done.erased,
        "check": done.checked,
    }


def _words(done: "Restored", target: Path, wish: Any) -> str:
    """What there is, what is lost, what a person must do now."""
    what = done.reconciled
    lines = [
        f"{target} holds the city as it was at {done.state.state_at:%Y-%m-%d %H:%M:%S} UTC (snapshot {done.state.id}),",
        f"with every event acknowledged until {done.log.log_at:%Y-%m-%d %H:%M:%S} UTC: positions up to {done.log.positions.log_head:,}.",
        f"Detectors folded {what.folded:,} events again; {what.publications} publications go out at the next start; `check` found "
        + ("no error." if done.checked["ok"] else "ERRORS: see `vonglau check`."),
        "",
        "Lost: what people did after that moment. Everybody signs in again. Accounts, roles and tokens are as they were then:",
        "revoke again what was revoked since. Senders may send everything since then again; it is stored once.",
    ]
    if what.held:
        lines.append(
            f"{what.held} notices are held, because they may have gone out already: see `vonglau held list --data {target}`."
        )
    if wish.passphrase is None and wish.keys is None:
        lines.append("No keys were given, so new ones were made: one-time links that were sent are void.")
    if done.lost_keys:
        lines.append(
            f"Sealed content cannot be read any more: {', '.join(done.lost_keys)}. Their owners set it up again."
        )
    if done.upgraded:
        lines.append(
            f"The snapshot was of release {done.state.tool}; it was brought forward ({len(done.upgraded)} steps)."
        )
    for name, why in what.stopped.items():
        lines.append(f"The detector {name} could not go on: {why}")
    return "\n".join([*lines, f"Serve it with `vonglau serve --data {target}`."])
