"""Bearer tokens: made once, shown once, stored as their SHA-256. One programme, one token; bound to scopes, worlds, sources, networks.

A token that was looked up is remembered for a moment, so that many requests a second do not ask the database as often; a
revoked one therefore works for `REMEMBERED` seconds more, and no longer.
"""

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import transaction
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadInput
from vonglau.core.notify_models import Endpoint
from vonglau.core.people.models import ApiToken
from vonglau.core.people.policy import SCOPES, Actor
from vonglau.core.worlds import World

PREFIX = "vl_"
REMEMBERED = 2.0
"""Seconds."""
MOST = 4096
"""Entries remembered at most; unknown tokens are remembered too, or guessing would load the database."""
LONGEST_GRACE = timedelta(days=30)

_remembered: dict[str, tuple[float, ApiToken | None]] = {}


def digest(token: str) -> str:
    """What is stored. The token has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """To what a token is bound besides its scopes and first world. Checked by `checked`."""

    more_worlds: Sequence[str] = ()
    sources: Sequence[str] = ()
    addresses: Sequence[str] = ()
    per_second: int | None = None
    expires_at: datetime | None = None
    by: str = field(default="")
    """Who makes it, for the audit; "" where it is a test or the demonstration."""


def mint(name: str, scopes: list[str], world: str, bounds: Bounds | None = None) -> tuple[str, ApiToken]:
    """A new token and its row; the text is nowhere else and cannot be shown again. BadInput says what does not fit."""
    bounds = bounds or Bounds()
    _check(name, scopes, bounds)
    text = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiToken.objects.create(
            name=name,
            digest=digest(text),
            scopes=scopes,
            world=world,
            more_worlds=[one for one in bounds.more_worlds if one != world],
            sources=list(bounds.sources),
            addresses=[str(ipaddress.ip_network(one, strict=False)) for one in bounds.addresses],
            per_second=bounds.per_second,
            expires_at=bounds.expires_at,
        )
        if bounds.by:
            audit.record(f"token/{row.pk}", {"step": "create", "by": bounds.by, **described(row)})
    return text, row


def described(row: ApiToken) -> dict[str, object]:
    """What a token may, for the audit: no secret, no digest."""
    return {
        "name": row.name,
        "scopes": row.scopes,
        "worlds": [row.world, *row.more_worlds],
        "sources": row.sources,
        "addresses": row.addresses,
        "per_second": row.per_second,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }


def _check(name: str, scopes: list[str], bounds: Bounds) -> None:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise BadInput(
            f"Unknown scope {', '.join(unknown) or '(none)'}; use some of {', '.join(SCOPES)}.", pointer="/scopes"
        )
    if not name.strip() or len(name) > 100:
        raise BadInput("Give the token a name of 1 to 100 characters: it stands in the audit.", pointer="/name")
    for world in bounds.more_worlds:
        if not World.objects.filter(pk=world).exists():
            raise BadInput(f"There is no world {world!r}.", pointer="/worlds")
    for source in bounds.sources:
        if not source or len(source) > 255 or not source.isprintable() or " " in source:
            raise BadInput(
                f"{source!r} begins no CloudEvents source: give such as urn:vn:dn:camera: or /sensors/7.",
                pointer="/sources",
            )
    for address in bounds.addresses:
        try:
            ipaddress.ip_network(address, strict=False)
        except ValueError as wrong:
            raise BadInput(
                f"{address!r} is no network: give such as 10.1.0.0/16 or 2001:db8::/32.", pointer="/addresses"
            ) from wrong
    if bounds.per_second is not None and not 1 <= bounds.per_second <= 1_000_000:
        raise BadInput("Give a rate of 1 to 1,000,000 requests a second.", pointer="/per_second")
    if bounds.expires_at is not None and bounds.expires_at <= timezone.now():
        raise BadInput("A token must expire in the future.", pointer="/expires_at")


def rotate(row: ApiToken, grace: timedelta, by: str) -> tuple[str, ApiToken]:
    """A second token with the same bounds; the old one works until the grace is over. BadInput: it does not work any more."""
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise BadInput(f"Give a grace of at most {LONGEST_GRACE.days} days.", pointer="/grace")
    with transaction.atomic():
        old = ApiToken.objects.select_for_update().get(pk=row.pk)
        if not works(old):
            raise BadInput(f"Token {old.pk} does not work any more: make a new one.")
        text = PREFIX + secrets.token_urlsafe(32)
        until = timezone.now() + grace
        same = ("name", "scopes", "world", "more_worlds", "sources", "addresses", "per_second", "expires_at")
        fresh = ApiToken.objects.create(digest=digest(text), **{name: getattr(old, name) for name in same})
        old.expires_at = min(until, old.expires_at) if old.expires_at else until
        old.save(update_fields=["expires_at"])
        Endpoint.objects.filter(token=old).update(token=fresh)  # its webhooks live on with the new one
        audit.record(
            f"token/{old.pk}", {"step": "rotate", "by": by, "to": fresh.pk, "until": old.expires_at.isoformat()}
        )
        audit.record(f"token/{fresh.pk}", {"step": "create", "by": by, "from": old.pk, **described(fresh)})
    forget()
    return text, fresh


def revoke(row: ApiToken, by: str) -> None:
    """It stops working at once here, within two seconds in every other process."""
    with transaction.atomic():
        ApiToken.objects.filter(pk=row.pk).update(revoked_at=timezone.now())
        audit.record(f"token/{row.pk}", {"step": "revoke", "by": by, "name": row.name})
    forget()


def works(row: ApiToken) -> bool:
    """Neither revoked nor expired."""
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > timezone.now())


def bearer(header: str | bytes | None) -> str | None:
    """The token of an `Authorization: Bearer …` header, None when there is none of that kind."""
    if not header:
        return None
    text = header.decode("latin-1") if isinstance(header, bytes) else header
    scheme, _, token = text.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


@lru_cache(1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def may_come_from(networks: Iterable[str], address: str | None) -> bool:
    """Whether an address lies in one of the networks; true where none is named. An address that cannot be read lies nowhere."""
    wanted = list(networks)
    if not wanted:
        return True
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in _network(one) for one in wanted)


def find(token: str, address: str | None = None) -> ApiToken | None:
    """The token's row, unless it was revoked, has expired, never was, or comes from where it may not."""
    key, now = digest(token), time.monotonic()
    known = _remembered.get(key)
    if known is not None and known[0] > now:
        found = known[1]
    else:
        found = ApiToken.objects.filter(digest=key, revoked_at=None).first() if token.startswith(PREFIX) else None
        if len(_remembered) >= MOST:
            _remembered.clear()
        _remembered[key] = (now + REMEMBERED, found)
    if found is None or not works(found) or not may_come_from(found.addresses, address):
        return None
    return found


def actor_of(token: str, address: str | None = None) -> Actor | None:
    """Whom a token's text stands for."""
    found = find(token, address)
    return Actor.of_token(found) if found is not None else None


def forget() -> None:
    """Ask the database again for every token, at once: after revoking one here."""
    _remembered.clear()
