"""`token` and `user`: who may come in."""

import sys
from pathlib import Path

import click

from vonglau.web.commands.base import operator, result, say, with_data


@click.group()
def token() -> None:
    """Tokens of programmes: stored hashed, shown once, each for one world."""


@token.command("create")
@click.argument("name")
@click.option("--scope", "scopes", required=True, help="By comma: events:write, events:read, read, incidents:write, …")
@click.option(
    "--world", default="live", show_default=True, help="The one world it writes into; a new name makes a recording."
)
@with_data()
def create_token(data: Path, as_json: bool, name: str, scopes: str, world: str) -> None:
    """Make a token. Its text is the last line of stdout and cannot be shown again."""
    from vonglau.core import audit
    from vonglau.core.errors import BadInput
    from vonglau.core.events import LIVE
    from vonglau.core.people.policy import SCOPES
    from vonglau.core.worlds import World, WorldKind, ensure_world
    from vonglau.core.worlds import world as find_world
    from vonglau.kit import tokens

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise BadInput(f"Unknown scope {', '.join(unknown) or '(none given)'}: use {', '.join(SCOPES)}.")
    if not name.strip() or len(name) > 100:
        raise BadInput("Give the token a name of 1 to 100 characters: it stands in the audit.")
    from django.db import transaction

    with transaction.atomic():
        if not World.objects.filter(pk=world).exists():
            ensure_world(world, WorldKind.RECORDING, find_world(LIVE).locality)
            say(f"Made the recording world {world!r}: its clock follows its events.")
        text, made = tokens.mint(name.strip(), wanted, world)
        audit.record(
            f"token/{made.pk}",
            {"step": "create", "by": operator(), "name": made.name, "scopes": wanted, "world": world},
        )
    say(f"Token {made.pk} {made.name!r} for the world {world!r}. Keep it: it is not shown again.")
    if as_json:
        result(True, {"id": made.pk, "name": made.name, "scopes": wanted, "world": world, "token": text})
    else:
        click.echo(text)


@token.command("list")
@with_data()
def list_tokens(data: Path, as_json: bool) -> None:
    """Tokens and what they may; never their text."""
    from vonglau.core.people.models import ApiToken

    rows = [
        {
            "id": row.pk,
            "name": row.name,
            "scopes": row.scopes,
            "world": row.world,
            "created_at": row.created_at.isoformat(),
            "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        }
        for row in ApiToken.objects.order_by("pk")
    ]
    lines = [
        f"{r['id']:>5}  {r['name']}  [{', '.join(r['scopes'])}]  {r['world']}{'  revoked' if r['revoked_at'] else ''}"
        for r in rows
    ]
    result(as_json, {"items": rows, "next": None}, "\n".join(lines) or "No tokens yet.")


@token.command("revoke")
@click.argument("id", type=int)
@with_data()
def revoke_token(data: Path, as_json: bool, id: int) -> None:
    """Refuse a token from now on (within two seconds everywhere)."""
    from django.db import transaction
    from django.utils import timezone

    from vonglau.core import audit
    from vonglau.core.errors import BadInput
    from vonglau.core.people.models import ApiToken

    with transaction.atomic():
        row = ApiToken.objects.select_for_update().filter(pk=id, revoked_at=None).first()
        if row is None:
            raise BadInput(f"There is no valid token {id}: `vonglau token list` shows them.")
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        audit.record(f"token/{row.pk}", {"step": "revoke", "by": operator()})
    result(as_json, {"id": id, "name": row.name, "revoked": True}, f"Token {id} {row.name!r} is revoked.")


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
