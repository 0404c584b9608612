"""Failed sign-ins: how long who must wait. Guessing is made slow; nobody is shut out for good, least of all an operator on shift.

Three counts, each by a digest of what was typed and where it came from, whether or not there is such an account, so that answers and
times tell nothing:

- an *address* that fails a lot waits longer and longer, whatever names it tries;
- an address and an account *together*, sooner: whoever mistypes at a desk waits seconds;
- an *account* that is guessed at from many addresses: then addresses it never signed in from wait. The desk's own goes on.

An attempt is charged before the password is looked at, and given back when it was right: many at once gain nothing.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import transaction
from django.utils.crypto import salted_hmac

from vonglau.core.people.access_models import Attempts


@dataclass(frozen=True, slots=True)
class Rule:
    """After `free` failures one waits `first` seconds, doubled each time, at most `most`; all is forgotten `forget` after the last."""

    free: int
    first: float
    most: float
    forget: timedelta

    def wait(self, failures: int) -> float:
        over = failures - self.free
        return 0.0 if over < 0 else min(self.most, self.first * 2.0 ** min(over, 30))


RULES = {
    "address": Rule(free=20, first=2, most=900, forget=timedelta(hours=1)),
    "pair": Rule(free=5, first=2, most=300, forget=timedelta(hours=1)),
    "account": Rule(free=50, first=30, most=900, forget=timedelta(hours=6)),
}
KNOWN = timedelta(days=30)
"""How long an address stays known to an account after a sign-in from it."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What an attempt was charged to. `wait`: seconds until it may be made; 0: it may be made now."""

    wait: float
    keys: tuple[tuple[str, str], ...]
    account: str
    began: bool = False
    """Whether the waiting begins with this attempt: then it is worth a row in the audit."""


def _digest(*parts: str) -> str:
    return salted_hmac("vonglau.attempts", "\n".join(parts), algorithm="sha256").hexdigest()


@lru_cache(maxsize=4096)
def subscriber(address: str) -> str:
    """Whom an address stands for when attempts and requests are counted: an IPv6 address for its /64, as one subscriber has that many."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def _name(typed: str) -> str:
    return typed.strip().casefold()[:150]


def charge(typed: str, address: str, now: datetime) -> Charge:
    """Count an attempt as failed, unless it has to wait: then nothing is counted."""
    name, place = _name(typed), subscriber(address)
    account = _digest("account", name)
    pair, known = _digest("pair", name, place), _digest("known", name, place)
    keys = (("address", _digest("address", place)), ("pair", pair), ("account", account))
    with transaction.atomic():
        rows = {
            row.key: row for row in Attempts.objects.select_for_update().filter(pk__in=[known, *(k for _, k in keys)])
        }
        familiar = known in rows and rows[known].last_at > now - KNOWN
        heeded = [(kind, key) for kind, key in keys if not (kind == "account" and familiar)]
        waits = [rows[key].until for _, key in heeded if key in rows]
        wait = max(((until - now).total_seconds() for until in waits if until is not None), default=0.0)
        if wait > 0:
            return Charge(wait, (), account)
        began = False
        for kind, key in keys:
            began = _count(kind, key, rows.get(key), "" if kind == "address" else account, now) or began
    return Charge(0.0, keys, account, began)


def _count(kind: str, key: str, row: Attempts | None, account: str, now: datetime) -> bool:
    """One more failure. True when waiting begins with it."""
    rule = RULES[kind]
    if row is None:
        Attempts.objects.create(key=key, kind=kind, account=account, failures=1, last_at=now)
        return False
    failures = row.failures + 1 if row.last_at > now - rule.forget else 1
    wait = rule.wait(failures)
    row.failures, row.last_at = failures, now
    row.until = now + timedelta(seconds=wait) if wait else None
    row.save(update_fields=["failures", "last_at", "until"])
    return failures == rule.free


def give_back(charged: Charge, typed: str, address: str, now: datetime) -> None:
    """The password was right: the pair starts anew, the address and account get theirs back, and the address is known from now on."""
    with transaction.atomic():
        for row in Attempts.objects.select_for_update().filter(pk__in=[key for _, key in charged.keys]):
            row.failures = 0 if row.kind == "pair" else max(0, row.failures - 1)
            row.until = None if row.failures < RULES[row.kind].free else row.until
            row.save(update_fields=["failures", "until"])
        known = _digest("known", _name(typed), subscriber(address))
        Attempts.objects.update_or_create(
            key=known, defaults={"kind": "known", "account": charged.account, "last_at": now, "failures": 0}
        )
        Attempts.objects.filter(last_at__lt=now - KNOWN).delete()


def waiting(username: str, now: datetime) -> bool:
    """Whether somebody who tries this account has to wait now."""
    return Attempts.objects.filter(account=_digest("account", _name(username)), until__gt=now).exists()


def lift(username: str) -> int:
    """Forget the failures of an account; addresses keep theirs."""
    found = Attempts.objects.filter(account=_digest("account", _name(username))).exclude(kind="known")
    return found.update(failures=0, until=None)
