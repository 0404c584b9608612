"""`user`: the people who may come in."""

import sys
from pathlib import Path

import click

from vonglau.web.commands.base import operator, result, with_data


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


@user.command("deactivate")
@click.argument("username")
@with_data()
def deactivate_user(data: Path, as_json: bool, username: str) -> None:
    """Shut an account out; its past stays in the audit."""
    from django.db import transaction

    from vonglau.core import audit
    from vonglau.core.errors import BadInput
    from vonglau.core.people.models import User

    with transaction.atomic():
        row = User.objects.filter(username=username, is_active=True).first()
        if row is None:
            raise BadInput(f"There is no active account {username!r}: `vonglau user list` shows them.")
        row.is_active = False
        row.save(update_fields=["is_active"])
        audit.record(f"account/{row.pk}", {"step": "deactivate", "by": operator()})
    result(as_json, {"username": username, "active": False}, f"Account {username!r} is shut out.")
