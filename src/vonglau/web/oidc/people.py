"""Whose account an identity is: one that was linked, one whose name an agreed claim says, or a new one where a rule allows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.people import directory
from vonglau.core.people.access_models import Identity
from vonglau.core.people.models import Role, User
from vonglau.web.oidc.claims import NotBelieved

GRANTED = frozenset(role.value for role in Role) - {Role.ADMINISTRATOR.value}
"""What a rule may make of somebody. Administrators are made by people."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Whoever has all these claims gets an account of this role (and agency) at the first sign-in."""

    claims: Mapping[str, Any]
    role: str
    agency: str = ""
    username: str = "preferred_username"
    """The claim that gives the new account its name."""

    def fits(self, said: Mapping[str, Any]) -> bool:
        return bool(self.claims) and all(_has(said.get(name), wanted) for name, wanted in self.claims.items())


def _has(said: Any, wanted: Any) -> bool:
    return wanted in said if isinstance(said, list) else said == wanted


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an installation agreed with its provider."""

    claim: str = ""
    """Whose value is an account's name; "": identities are linked by their owners alone."""
    rules: Sequence[Rule] = field(default_factory=tuple)


def agreement() -> Agreement:
    """From the settings. Raises BadFile for rules that cannot be used."""
    path = settings.VONGLAU_OIDC_RULES
    return Agreement(settings.VONGLAU_OIDC_CLAIM, load(Path(path)) if path else ())


def load(path: Path) -> tuple[Rule, ...]:
    """`rules: [{claims: {organisation: ioc-da-nang}, role: operator, agency: so-xay-dung, username: preferred_username}]`"""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        rules = tuple(Rule(**one) for one in read["rules"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as problem:
        raise BadFile(
            f"{path} cannot be used as rules for accounts ({problem}): see docs/howto/people-and-access.md."
        ) from problem
    for rule in rules:
        if rule.role not in GRANTED or not rule.claims or (rule.role == "agency") != bool(rule.agency):
            raise BadFile(
                f"{path}: a rule needs claims, a role of {', '.join(sorted(GRANTED))}, and an agency for the role agency alone."
            )
    return rules


def find(issuer: str, said: Mapping[str, Any], agreed: Agreement) -> User:
    """The account. Raises NotBelieved when there is none, or it is shut."""
    subject = str(said["sub"])
    linked = Identity.objects.select_related("user").filter(issuer=issuer, subject=subject).first()
    if linked is not None:
        if not linked.user.is_active:
            raise NotBelieved("This account is shut.")
        Identity.objects.filter(pk=linked.pk).update(last_at=timezone.now())
        return linked.user
    user = _named(said, agreed) or _made(said, agreed)
    if user is None:
        raise NotBelieved("No account here belongs to this identity.")
    link(user, issuer, subject, by=f"oidc:{issuer}")
    return user


def _named(said: Mapping[str, Any], agreed: Agreement) -> User | None:
    """The active account of the agreed claim's value, unless it has another identity already."""
    if not agreed.claim or (agreed.claim == "email" and said.get("email_verified") is not True):
        return None
    value = said.get(agreed.claim)
    if not isinstance(value, str) or not value:
        return None
    name = "email" if agreed.claim == "email" else "username"
    found = list(User.objects.filter(**{name: value}, is_active=True, demo=False, identities=None)[:2])
    return found[0] if len(found) == 1 else None


def _made(said: Mapping[str, Any], agreed: Agreement) -> User | None:
    rule = next((one for one in agreed.rules if one.fits(said)), None)
    name = said.get(rule.username) if rule is not None else None
    if rule is None or not isinstance(name, str) or User.objects.filter(username=name).exists():
        return None
    try:
        of = directory.agency(rule.agency, timezone.localdate()) if rule.agency else None
    except BadInput as gone:
        raise NotBelieved(f"The rule for this identity names an agency that is not there: {gone.message}") from gone
    user = User(username=name[:150], role=rule.role, agency=of, first_name=str(said.get("name", ""))[:150])
    user.set_unusable_password()
    with transaction.atomic():
        user.save()
        audit.record(f"account/{user.pk}", {"step": "create", "by": "oidc", "role": rule.role, "agency": rule.agency})
    return user


def link(user: User, issuer: str, subject: str, *, by: str) -> None:
    """From now on this identity signs in to this account."""
    try:
        with transaction.atomic():
            Identity.objects.create(user=user, issuer=issuer, subject=subject, last_at=timezone.now())
            audit.record(f"account/{user.pk}", {"step": "identity-linked", "by": by, "issuer": issuer})
    except IntegrityError as taken:
        raise NotBelieved("This identity belongs to another account.") from taken
