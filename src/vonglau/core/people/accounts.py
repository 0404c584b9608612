"""What an administrator does to accounts: the commands behind the page and the command line. Each change is an audit row.

Guards: the last administrator who can sign in stays one; nobody changes their own role or shuts themselves out.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict, NotAllowed, NotFound
from vonglau.core.people import attempts
from vonglau.core.people.access_models import Identity, Invitation, Session
from vonglau.core.people.models import Agency, Role, User

INVITED_FOR = timedelta(hours=72)


class LastAdministrator(Conflict):
    """The last administrator who can sign in must stay one: make another one first."""

    title = "Last administrator"


class NotOneself(NotAllowed):
    """Nobody changes their own role, agency or standing: ask another administrator."""

    title = "Not oneself"


class LinkInvalid(NotFound):
    """This link was used, has expired, or was replaced by a newer one: ask for a new one."""

    title = "Link not valid"


@dataclass(frozen=True, slots=True)
class Post:
    """What an account is: role, agency (for the role agency alone), name, address, language."""

    role: str
    agency: Agency | None = None
    name: str = ""
    email: str = ""
    language: str = "vi"

    def check(self) -> None:
        if self.role not in Role.values:
            raise BadInput(f"There is no role {self.role!r}: use {', '.join(Role.values)}.", pointer="/role")
        if (self.role == Role.AGENCY) != (self.agency is not None):
            raise BadInput("The role agency needs an agency, and no other role takes one.", pointer="/agency")


def make(username: str, post: Post, by: str) -> User:
    """A new account without a password: `invite` gives the link to set one. BadInput when the name is taken."""
    post.check()
    if User.objects.filter(username__iexact=username).exists():
        raise BadInput(f"There is an account {username!r} already.", pointer="/username")
    made = User(username=username, role=post.role, agency=post.agency, first_name=post.name, email=post.email)
    made.language = post.language
    made.set_unusable_password()
    with transaction.atomic():
        made.save()
        code = post.agency.code if post.agency else ""
        audit.record(f"account/{made.pk}", {"step": "create", "by": by, "role": post.role, "agency": code})
    return made


def change(user: User, post: Post, by: str) -> User:
    """Another role, agency, name or address. With the role or agency every session ends: rights are not carried over."""
    post.check()
    with transaction.atomic():
        now = _locked(user)
        before = (now.role, now.agency_id)
        moved = before != (post.role, post.agency.pk if post.agency else None)
        if moved:
            _not_oneself(now, by)
            if now.role == Role.ADMINISTRATOR:
                _not_the_last(now)
        now.role, now.agency, now.first_name, now.last_name, now.email = (
            post.role,
            post.agency,
            post.name,
            "",
            post.email,
        )
        now.language = post.language
        now.save(update_fields=["role", "agency", "first_name", "last_name", "email", "language"])
        if moved:
            Session.objects.filter(user=now).delete()
            code = post.agency.code if post.agency else ""
            body = {"step": "role", "by": by, "from": before[0], "role": post.role, "agency": code}
            audit.record(f"account/{now.pk}", body)
        else:
            audit.record(f"account/{now.pk}", {"step": "details", "by": by})
    return now


def shut(user: User, by: str) -> None:
    """Shut out at once, everywhere; the past stays in the audit."""
    with transaction.atomic():
        now = _locked(user)
        _not_oneself(now, by)
        if now.role == Role.ADMINISTRATOR and now.is_active:
            _not_the_last(now)
        now.is_active = False
        now.save(update_fields=["is_active"])
        Session.objects.filter(user=now).delete()
        Invitation.objects.filter(user=now, used_at=None).delete()
        audit.record(f"account/{now.pk}", {"step": "deactivate", "by": by})


def reopen(user: User, by: str) -> None:
    with transaction.atomic():
        now = _locked(user)
        now.is_active = True
        now.save(update_fields=["is_active"])
        audit.record(f"account/{now.pk}", {"step": "activate", "by": by})


def reset_factor(user: User, by: str) -> int:
    """Remove the second factor and its recovery codes: the next sign-in may set up a new one. Every session ends."""
    with transaction.atomic():
        now = _locked(user)
        removed = int(now.authenticator_set.all().delete()[0])  # type: ignore[attr-defined]  # allauth's
        Session.objects.filter(user=now).delete()
        audit.record(f"account/{now.pk}", {"step": "factor-reset", "by": by, "removed": removed})
    return removed


def unlock(user: User, by: str) -> None:
    """Forget failed attempts: whoever mistyped need not wait."""
    with transaction.atomic():
        attempts.lift(user.username)
        audit.record(f"account/{user.pk}", {"step": "unlock", "by": by})


def end_sessions(user: User, by: str) -> int:
    with transaction.atomic():
        ended = int(Session.objects.filter(user=user).delete()[0])
        audit.record(f"account/{user.pk}", {"step": "sessions-ended", "by": by, "ended": ended})
    return ended


def looked_at(user: User, by: str) -> None:
    """Where and when somebody was signed in is personal: that it was looked at is written down, once an hour at most."""
    stream = f"account/{user.pk}"
    since = timezone.now() - timedelta(hours=1)
    recent = audit.last(stream, 20)
    if any(row.at > since and body["step"] == "sessions-seen" and body["by"] == by for row, body in recent):
        return
    with transaction.atomic():
        audit.record(stream, {"step": "sessions-seen", "by": by})


def invite(user: User, by: str) -> str:
    """The text of a link that works once within three days, to set a password. An older link stops working."""
    text = secrets.token_urlsafe(32)
    with transaction.atomic():
        Invitation.objects.filter(user=user, used_at=None).delete()
        Invitation.objects.create(user=user, digest=_digest(text), made_by=by, expires_at=timezone.now() + INVITED_FOR)
        audit.record(f"account/{user.pk}", {"step": "invite", "by": by})
    return text


def invited(text: str) -> Invitation:
    """Whom a link is for. Raises LinkInvalid."""
    found = Invitation.objects.select_related("user").filter(digest=_digest(text), used_at=None).first()
    if found is None or found.expires_at <= timezone.now() or not found.user.is_active:
        raise LinkInvalid
    return found


def accept(text: str, password: str) -> User:
    """Set the password, whose strength was checked; the link is used up, and older sessions end. Raises LinkInvalid."""
    with transaction.atomic():
        found = invited(text)
        # The row is taken by who updates it first: the same link in two browsers sets one password.
        if not Invitation.objects.filter(pk=found.pk, used_at=None).update(used_at=timezone.now()):
            raise LinkInvalid
        user = found.user
        user.set_password(password)
        user.save(update_fields=["password"])
        Session.objects.filter(user=user).delete()
        attempts.lift(user.username)
        audit.record(f"account/{user.pk}", {"step": "password", "by": user.username, "invited_by": found.made_by})
    return user


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _locked(user: User) -> User:
    return User.objects.select_for_update().get(pk=user.pk)


def _not_oneself(user: User, by: str) -> None:
    if user.username == by:
        raise NotOneself


def _can_sign_in(user: User) -> bool:
    """By a password, or by an identity that has been used: who was only invited may never come."""
    return user.has_usable_password() or Identity.objects.filter(user=user).exists()


def _not_the_last(user: User) -> None:
    others = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True, demo=False)
    if not user.demo and not any(map(_can_sign_in, others.exclude(pk=user.pk))):
        raise LastAdministrator
