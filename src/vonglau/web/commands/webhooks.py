"""`webhook`: programmes that are told what happens, by signed CloudEvents."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vonglau.web.commands.base import operator, result, say, with_data

if TYPE_CHECKING:
    from vonglau.core.people.policy import Actor


@click.group()
def webhook() -> None:
    """Programmes that are told what happens: signed CloudEvents, tried again for three days."""


def _actor() -> "Actor":
    from vonglau.core.people.policy import Actor

    return Actor(operator(), "administrator")


@webhook.command("add")
@click.argument("name")
@click.argument("url")
@click.option(
    "--type",
    "types",
    multiple=True,
    default=("vn.vonglau.incident.*",),
    show_default=True,
    help="A CloudEvents type, exact or ending in *; may be repeated.",
)
@click.option("--world", default="live", show_default=True, help="The one world it is told of.")
@click.option("--agency", default="", help="Code of an agency: told only of the incidents in its hands.")
@with_data()
def add(data: Path, as_json: bool, name: str, url: str, types: tuple[str, ...], world: str, agency: str) -> None:
    """Have URL told. The signing secret is the last line of stdout and cannot be shown again."""
    from django.utils import timezone

    from vonglau.core.notify import endpoints
    from vonglau.core.people import directory

    of = directory.agency(agency, timezone.localdate()) if agency else None
    made, secret = endpoints.add(_actor(), name=name, url=url, world=world, types=list(types), agency=of)
    say(f"Webhook {made.pk} {made.name!r} for the world {world!r}. Keep the secret: it is not shown again.")
    result(as_json, {"id": made.pk, "name": made.name, "url": made.url, "types": made.types, "secret": secret}, secret)


@webhook.command("list")
@with_data()
def list_webhooks(data: Path, as_json: bool) -> None:
    """Webhooks, how they are, and what waits for them; never their secrets."""
    from django.db.models import Count, Q

    from vonglau.core.notify_models import Endpoint

    waiting = Count("notices", filter=Q(notices__state__in=("pending", "sending")))
    failed = Count("notices", filter=Q(notices__state="failed"))
    rows: list[dict[str, Any]] = [
        {
            "id": row.pk,
            "name": row.name,
            "url": row.url,
            "world": row.world,
            "types": row.types,
            "agency": row.agency.code if row.agency else None,
            "paused": row.paused_why or None,
            "failures": row.failures,
            "last_ok_at": row.last_ok_at.isoformat() if row.last_ok_at else None,
            "last_error": row.last_error,
            "waiting": row.waiting,
            "failed": row.failed,
        }
        for row in Endpoint.objects.filter(removed_at=None)
        .annotate(waiting=waiting, failed=failed)
        .select_related("agency")
        .order_by("pk")
    ]
    lines = [
        f"{r['id']:>5}  {r['name']}  {r['url']}  {r['world']}  waiting {r['waiting']}, failed {r['failed']}"
        + (f"  paused ({r['paused']})" if r["paused"] else "")
        for r in rows
    ]
    result(as_json, {"items": rows, "next": None}, "\n".join(lines) or "No webhooks yet.")


@webhook.command("pause")
@click.argument("id", type=int)
@with_data()
def pause(data: Path, as_json: bool, id: int) -> None:
    """Queue nothing more for it, and hold what waits."""
    from vonglau.core.notify import endpoints

    endpoints.pause(endpoints.find(id), _actor())
    result(as_json, {"id": id, "paused": True}, f"Webhook {id} is paused.")


@webhook.command("resume")
@click.argument("id", type=int)
@with_data()
def resume(data: Path, as_json: bool, id: int) -> None:
    """Go on from now; what happened meanwhile is in the API's lists."""
    from vonglau.core.notify import endpoints

    endpoints.resume(endpoints.find(id), _actor())
    result(as_json, {"id": id, "paused": False}, f"Webhook {id} goes on.")


@webhook.command("rotate")
@click.argument("id", type=int)
@with_data()
def rotate(data: Path, as_json: bool, id: int) -> None:
    """A new secret, on the last line of stdout. The old one signs beside it for 24 hours."""
    from vonglau.core.notify import endpoints

    secret = endpoints.rotate(endpoints.find(id), _actor())
    say(f"Webhook {id}: both secrets sign for 24 hours. Give the receiver the new one now.")
    result(as_json, {"id": id, "secret": secret}, secret)


@webhook.command("remove")
@click.argument("id", type=int)
@with_data()
def remove(data: Path, as_json: bool, id: int) -> None:
    """For good: its secrets are erased, what waits for it is discarded."""
    from vonglau.core.notify import endpoints

    endpoints.remove(endpoints.find(id), _actor())
    result(as_json, {"id": id, "removed": True}, f"Webhook {id} is removed.")


@webhook.command("test")
@click.argument("id", type=int)
@with_data()
def test(data: Path, as_json: bool, id: int) -> None:
    """Queue one event of the type vn.vonglau.webhook.test; the running server sends it."""
    from vonglau.core.notify import endpoints

    notice = endpoints.test(endpoints.find(id), _actor())
    result(as_json, {"id": id, "queued": notice.key}, f"Queued {notice.key}: see Administration, Webhook {id}.")
