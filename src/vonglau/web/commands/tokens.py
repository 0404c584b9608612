"""`token`: which programmes may come in, bound to scopes, worlds, sources and networks."""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vonglau.web.commands.base import operator, result, say, with_data

if TYPE_CHECKING:
    from vonglau.core.people.models import ApiToken


class Span(click.ParamType[timedelta]):
    """A span of time: 30m, 24h, 90d."""

    name = "span"
    UNITS = {"m": "minutes", "h": "hours", "d": "days"}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([0-9]{1,5})([mhd])", str(value))
        if found is None:
            self.fail("give a number and a unit, such as 30m, 24h or 90d.", param, ctx)
        return timedelta(**{self.UNITS[found[2]]: int(found[1])})


@click.group()
def token() -> None:
    """Tokens of programmes: stored hashed, shown once, each for the worlds, sources and networks it names."""


@token.command("create")
@click.argument("name")
@click.option("--scope", "scopes", required=True, help="By comma: events:write, events:read, read, incidents:write, …")
@click.option(
    "--world",
    "worlds",
    default=("live",),
    show_default="live",
    multiple=True,
    help="A world it reads and writes; may be repeated, the first is its usual one. A new name makes a recording.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    help="What the `source` of events it sends must begin with, such as urn:vn:dn:camera: or /sensors/7; may repeat. Absent: anything.",
)
@click.option(
    "--from", "addresses", multiple=True, help="A network it may come from, such as 10.1.0.0/16; may be repeated."
)
@click.option("--rate", "per_second", type=int, help="Requests a second; absent: VONGLAU_RATE_TOKEN.")
@click.option("--expires", type=Span(), help="After how long it stops working: 90d. Absent: never.")
@with_data()
def create_token(
    data: Path,
    as_json: bool,
    name: str,
    scopes: str,
    worlds: tuple[str, ...],
    sources: tuple[str, ...],
    addresses: tuple[str, ...],
    per_second: int | None,
    expires: timedelta | None,
) -> None:
    """Make a token. Its text is the last line of stdout and cannot be shown again."""
    from django.db import transaction
    from django.utils import timezone

    from vonglau.core.events import LIVE
    from vonglau.core.worlds import World, WorldKind, ensure_world
    from vonglau.core.worlds import world as find_world
    from vonglau.kit import tokens

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    with transaction.atomic():
        for world in worlds:
            if not World.objects.filter(pk=world).exists():
                ensure_world(world, WorldKind.RECORDING, find_world(LIVE).locality)
                say(f"Made the recording world {world!r}: its clock follows its events.")
        bounds = tokens.Bounds(
            more_worlds=worlds[1:],
            sources=sources,
            addresses=addresses,
            per_second=per_second,
            expires_at=timezone.now() + expires if expires else None,
            by=operator(),
        )
        text, made = tokens.mint(name.strip(), wanted, worlds[0], bounds)
    say(f"Token {made.pk} {made.name!r} for the world {', '.join(map(repr, worlds))}. Keep it: it is not shown again.")
    _once(as_json, text, made)


def _once(as_json: bool, text: str, made: "ApiToken") -> None:
    from vonglau.kit import tokens

    if as_json:
        result(True, {"id": made.pk, "world": made.world, **tokens.described(made), "token": text})
    else:
        click.echo(text)


@token.command("list")
@with_data()
def list_tokens(data: Path, as_json: bool) -> None:
    """Tokens and what they may; never their text."""
    from vonglau.core.people.models import ApiToken
    from vonglau.kit import tokens

    rows = [
        {
            "id": row.pk,
            "world": row.world,
            **tokens.described(row),
            "created_at": row.created_at.isoformat(),
            "used_at": row.used_at.isoformat() if row.used_at else None,
            "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
            "works": tokens.works(row),
        }
        for row in ApiToken.objects.order_by("pk")
    ]
    result(as_json, {"items": rows, "next": None}, "\n".join(map(_line, rows)) or "No tokens yet.")


def _line(row: dict[str, Any]) -> str:
    end = "revoked" if row["revoked_at"] else f"until {row['expires_at']}" if row["expires_at"] else ""
    sources = f"sources {', '.join(row['sources'])}" if row["sources"] else ""
    parts = (f"{row['id']:>5}", row["name"], f"[{', '.join(row['scopes'])}]", ", ".join(row["worlds"]), sources, end)
    return "  ".join(part for part in parts if part)


def _named(which: str) -> "ApiToken":
    """The token of a number or, where it is the only one that works, of a name."""
    from vonglau.core.errors import BadInput
    from vonglau.core.people.models import ApiToken
    from vonglau.kit import tokens

    rows = ApiToken.objects.filter(revoked_at=None)
    found = list(rows.filter(pk=int(which)) if which.isdigit() else rows.filter(name=which))
    found = [row for row in found if tokens.works(row)]
    if not found:
        raise BadInput(f"There is no valid token {which}: `vonglau token list` shows them.")
    if len(found) > 1:
        raise BadInput(
            f"Several tokens are called {which!r}: name one by its number, {', '.join(str(row.pk) for row in found)}."
        )
    return found[0]


@token.command("rotate")
@click.argument("token", metavar="NAME")
@click.option(
    "--grace",
    type=Span(),
    default="24h",
    show_default=True,
    help="How long the old one still works beside the new one.",
)
@with_data()
def rotate_token(data: Path, as_json: bool, token: str, grace: timedelta) -> None:
    """Make a second token with the same bounds; the old one works until the grace is over. NAME: its name or number."""
    from vonglau.kit import tokens

    old = _named(token)
    text, made = tokens.rotate(old, grace, operator())
    old.refresh_from_db()
    say(f"Token {made.pk} {made.name!r} takes over; token {old.pk} works until {old.expires_at:%Y-%m-%d %H:%M} UTC.")
    _once(as_json, text, made)


@token.command("revoke")
@click.argument("token", metavar="NAME")
@with_data()
def revoke_token(data: Path, as_json: bool, token: str) -> None:
    """Make a token invalid: within two seconds in every process. NAME: its name or number."""
    from vonglau.kit import tokens

    row = _named(token)
    tokens.revoke(row, operator())
    result(as_json, {"id": row.pk, "name": row.name, "revoked": True}, f"Token {row.pk} {row.name!r} is revoked.")
