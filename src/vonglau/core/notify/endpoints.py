"""Webhook subscriptions: made, listed, paused, rotated, removed. Every change is audited; secrets are shown once.

Who may: administrators (pages and commands), and tokens with the scope `webhooks:write` for their own world, with their own rights.
"""

import base64
import binascii
import re
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict, NotFound
from vonglau.core.notify import fan_out, outbox
from vonglau.core.notify_models import Endpoint, Notice, NoticeState
from vonglau.core.people.models import Agency, ApiToken
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world as find_world

PREFIX = "whsec_"
SECRET_BYTES = 32
OVERLAP = timedelta(hours=24)
"""How long the old secret signs beside the new one."""
MOST = 200
"""Endpoints of one installation."""
TYPE = re.compile(r"[A-Za-z0-9._-]{0,120}\*?\Z")


def mint() -> str:
    """A fresh secret: 32 random bytes, as the Standard Webhooks specification writes them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secret_bytes(secret: str) -> bytes:
    """The key in a `whsec_…` text."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as problem:
        raise BadInput("This is no webhook secret: it begins with whsec_ and goes on in Base64.") from problem


def checked_types(types: list[str]) -> list[str]:
    """Event filters as they are kept: each a type, or the beginning of one with `*` at its end."""
    wanted = list(dict.fromkeys(one.strip() for one in types if one.strip()))
    if not wanted or len(wanted) > 50:
        raise BadInput("Name 1 to 50 event types, such as vn.vonglau.incident.*", pointer="/types")
    for one in wanted:
        if not TYPE.match(one):
            raise BadInput(
                f"{one!r} is no event type: letters, digits, dots, hyphens, at the end a *.", pointer="/types"
            )
    return wanted


def checked_url(url: str) -> str:
    """The form of an address alone; whether it may be reached is decided at each send, from what it resolves to then."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise BadInput("This address cannot be read.", pointer="/url") from problem
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0 or len(url) > 500:
        raise BadInput("Give an https:// address of at most 500 characters.", pointer="/url")
    if parts.username or parts.password or parts.fragment:
        raise BadInput(
            "An address carries no user, password or #fragment; the signature proves who sends.", pointer="/url"
        )
    if not url.isascii() or any(ord(sign) < 33 or ord(sign) == 127 for sign in url):
        raise BadInput("Write the address in ASCII without spaces (xn--… for other scripts, %…).", pointer="/url")
    return url


@transaction.atomic
def add(
    actor: Actor,
    *,
    name: str,
    url: str,
    world: str,
    types: list[str],
    agency: Agency | None = None,
    token: ApiToken | None = None,
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, which is shown once."""
    if not name.strip() or len(name) > 100:
        raise BadInput("Give it a name of 1 to 100 characters.", pointer="/name")
    if Endpoint.objects.filter(removed_at=None).count() >= MOST:
        raise Conflict(f"There are {MOST} endpoints already; remove one that is not used.")
    secret = mint()
    made = Endpoint.objects.create(
        name=name.strip(),
        url=checked_url(url),
        world=find_world(world).pk,
        types=checked_types(types),
        agency=agency,
        token=token,
        secret=secret,
        created_by=actor.name,
        created_at=timezone.now(),
    )
    more = {"name": made.name, "url": made.url, "world": world, "types": made.types}
    _audit(made, actor, "create", **more, agency=agency.code if agency else "")
    return made, secret


def find(id: int, world: str | None = None) -> Endpoint:
    """An endpoint that is not removed; of this world, when one is named."""
    rows = Endpoint.objects.filter(pk=id, removed_at=None).select_related("agency")
    found = (rows.filter(world=world) if world else rows).first() if 0 < id < 2**63 else None
    if found is None:
        raise NotFound(f"There is no webhook {id}.")
    return found


@transaction.atomic
def pause(endpoint: Endpoint, actor: Actor, why: str = "hand") -> None:
    """Nothing more is queued for it, and what waits is held (and fails visibly when its time runs out)."""
    if Endpoint.objects.filter(pk=endpoint.pk, paused_at=None).update(paused_at=timezone.now(), paused_why=why):
        fan_out.forget(endpoint)
        _audit(endpoint, actor, "pause", why=why)


@transaction.atomic
def resume(endpoint: Endpoint, actor: Actor) -> None:
    """From now on; what happened meanwhile is read from the API's lists."""
    rows = Endpoint.objects.filter(pk=endpoint.pk, removed_at=None).exclude(paused_at=None)
    if rows.update(paused_at=None, paused_why="", hold_until=None, failures=0):
        _audit(endpoint, actor, "resume")


@transaction.atomic
def rotate(endpoint: Endpoint, actor: Actor) -> str:
    """A fresh secret. The one before signs beside it for a day; an older one stops at once."""
    row = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    row.old_secret, row.old_until = row.secret, timezone.now() + OVERLAP
    row.secret = secret = mint()
    row.save(update_fields=["secret", "old_secret", "old_until"])
    _audit(row, actor, "rotate", old_until=row.old_until.isoformat(timespec="seconds"))
    return secret


@transaction.atomic
def remove(endpoint: Endpoint, actor: Actor) -> None:
    """For good: its secrets are erased, what waits for it is discarded. Notices of the past keep its name."""
    now = timezone.now()
    Endpoint.objects.filter(pk=endpoint.pk).update(removed_at=now, secret="", old_secret="", old_until=None)
    waiting = Notice.objects.filter(endpoint=endpoint, state__in=(NoticeState.PENDING, NoticeState.FAILED))
    discarded = waiting.update(state=NoticeState.DISCARDED)
    Notice.objects.filter(endpoint=endpoint, state=NoticeState.SENDING).update(stop=True)
    _audit(endpoint, actor, "remove", discarded=discarded)


@transaction.atomic
def test(endpoint: Endpoint, actor: Actor) -> Notice:
    """Queue one event of the type vn.vonglau.webhook.test, whatever the filter says."""
    if not find(endpoint.pk).active:
        raise Conflict("It is paused: resume it first.")
    draft = fan_out.trial(endpoint, actor.name)
    outbox.queue([draft])
    _audit(endpoint, actor, "test")
    return Notice.objects.get(key=draft.key)


def _audit(endpoint: Endpoint, actor: Actor, step: str, **more: Any) -> None:
    body = {"at": timezone.now().isoformat(), "who": actor.name, "role": actor.role, "step": step, **more}
    audit.record(f"webhook/{endpoint.pk}", body)
