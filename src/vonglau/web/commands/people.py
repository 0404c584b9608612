"""`user`: the people who may come in."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vonglau.web.commands.base import operator, result, with_data

if TYPE_CHECKING:
    from vonglau.core.people.accounts import Post
    from vonglau.core.people.models import User


@click.group()
def user() -> None:
    """Accounts of people: one role each."""


def _password(as_json: bool) -> str:
    """Prompted for twice at a terminal; else the first line of stdin."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


@user.command("create")
@click.argument("username")
@click.option(
    "--role", required=True, type=click.Choice(["operator", "supervisor", "agency", "leader", "administrator"])
)
@click.option("--agency", default="", help="Code of the agency: needed for the role agency.")
@click.option("--name", default="", help="Full name, as colleagues read it.")
@click.option("--language", type=click.Choice(["vi", "en"]), default="vi", show_default=True)
@with_data()
def create_user(data: Path, as_json: bool, username: str, role: str, agency: str, name: str, language: str) -> None:
    """Make an account. The password is prompted for, or read from stdin."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.db import transaction
    from django.utils import timezone, translation

    from vonglau.core import audit
    from vonglau.core.errors import BadInput
    from vonglau.core.people import directory
    from vonglau.core.people.models import User

    if User.objects.filter(username=username).exists():
        raise BadInput(f"There is an account {username!r} already.")
    if (role == "agency") != bool(agency):
        raise BadInput("The role agency needs --agency CODE, and no other role takes one.")
    of = directory.agency(agency, timezone.localdate()) if agency else None
    made = User(username=username, role=role, agency=of, language=language, first_name=name)
    password = _password(as_json)
    with translation.override("en"):
        try:
            made.clean_fields(exclude=["password", "agency", "unit"])
            validate_password(password, made)
        except ValidationError as wrong:
            raise BadInput(" ".join(wrong.messages)) from wrong
    made.set_password(password)
    with transaction.atomic():
        made.save()
        audit.record(f"account/{made.pk}", {"step": "create", "by": operator(), "role": role, "agency": agency})
    result(
        as_json, {"id": made.pk, "username": username, "role": role, "agency": agency}, f"Account {username!r} made."
    )


@user.command("list")
@with_data()
def list_users(data: Path, as_json: bool) -> None:
    """Accounts and their roles."""
    from vonglau.core.people.models import User

    rows = [
        {
            "username": row.username,
            "role": row.role,
            "agency": row.agency.code if row.agency else "",
            "active": row.is_active,
            "demo": row.demo,
        }
        for row in User.objects.select_related("agency").order_by("username")
    ]
    lines = [f"{r['username']:<20} {r['role']:<14} {r['agency']}{'' if r['active'] else '  inactive'}" for r in rows]
    result(as_json, {"items": rows, "next": None}, "\n".join(lines) or "No accounts yet.")


def _found(username: str) -> "User":
    from vonglau.core.errors import BadInput
    from vonglau.core.people.models import User

    row = User.objects.filter(username=username).first()
    if row is None:
        raise BadInput(f"There is no account {username!r}: `vonglau user list` shows them.")
    return row


ROLES = click.Choice(["operator", "supervisor", "agency", "leader", "administrator"])


@user.command("invite")
@click.argument("username")
@click.option("--role", type=ROLES, help="Makes the account first, when there is none.")
@click.option("--agency", default="", help="Code of the agency: needed for the role agency.")
@click.option("--name", default="", help="Full name, as colleagues read it.")
@with_data()
def invite_user(data: Path, as_json: bool, username: str, role: str | None, agency: str, name: str) -> None:
    """A link that works once within three days, to set a password: for somebody new, or who forgot it. Its path is the last line."""
    from django.urls import reverse

    from vonglau.core.people import accounts
    from vonglau.core.people.models import User

    exists = User.objects.filter(username=username).exists()
    person = (
        _found(username) if exists or role is None else accounts.make(username, _post(role, agency, name), operator())
    )
    path = reverse("account_invitation", args=[accounts.invite(person, operator())])
    result(as_json, {"username": username, "path": path}, path)


def _post(role: str, agency: str, name: str) -> "Post":
    from django.utils import timezone

    from vonglau.core.people import directory
    from vonglau.core.people.accounts import Post

    return Post(role, directory.agency(agency, timezone.localdate()) if agency else None, name)


@user.command("role")
@click.argument("username")
@click.argument("role", type=ROLES)
@click.option("--agency", default="", help="Code of the agency: needed for the role agency.")
@with_data()
def change_role(data: Path, as_json: bool, username: str, role: str, agency: str) -> None:
    """Another role or agency. Every session of the account ends."""
    from dataclasses import replace

    from vonglau.core.people import accounts

    row = _found(username)
    post = replace(_post(role, agency, row.get_full_name()), email=row.email, language=row.language)
    accounts.change(row, post, operator())
    result(as_json, {"username": username, "role": role, "agency": agency}, f"Account {username!r} is {role} now.")


@user.command("reset-factor")
@click.argument("username")
@with_data()
def reset_factor(data: Path, as_json: bool, username: str) -> None:
    """Remove a second factor, for who lost the phone and the recovery codes."""
    from vonglau.core.people import accounts

    removed = accounts.reset_factor(_found(username), operator())
    result(as_json, {"username": username, "removed": removed}, f"The second factor of {username!r} is removed.")


@user.command("unlock")
@click.argument("username")
@with_data()
def unlock_user(data: Path, as_json: bool, username: str) -> None:
    """Forget failed attempts at an account: nobody has to wait any more."""
    from vonglau.core.people import accounts

    accounts.unlock(_found(username), operator())
    result(as_json, {"username": username}, f"Nobody has to wait for {username!r} any more.")


@user.command("sign-out")
@click.argument("username")
@with_data()
def sign_out(data: Path, as_json: bool, username: str) -> None:
    """End every session of an account."""
    from vonglau.core.people import accounts

    ended = accounts.end_sessions(_found(username), operator())
    result(as_json, {"username": username, "ended": ended}, f"{ended} sessions of {username!r} are ended.")


@user.command("deactivate")
@click.argument("username")
@with_data()
def deactivate_user(data: Path, as_json: bool, username: str) -> None:
    """Shut an account out, at once and everywhere; its past stays in the audit. The last administrator cannot be shut out."""
    from vonglau.core.errors import BadInput
    from vonglau.core.people import accounts

    row = _found(username)
    if not row.is_active:
        raise BadInput(f"The account {username!r} is shut out already.")
    accounts.shut(row, operator())
    result(as_json, {"username": username, "active": False}, f"Account {username!r} is shut out.")
