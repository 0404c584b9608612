"""The settings of an installation: environment variables, each typed, with its default, unit and meaning.

`serve` sets most of them from its own options. What stands here is checked at every start and listed in docs/reference/settings.md.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vonglau.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `read` turns its text into a value, or raises ValueError with what is expected."""

    name: str
    title: str
    read: Callable[[str], Any]
    default: str
    what: str
    unit: str = ""


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text

    return read


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and (urlsplit(text).scheme not in schemes or not urlsplit(text).hostname):
            raise ValueError(f"an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text.rstrip("/")

    return read


def _flag(text: str) -> bool:
    return _choice("0", "1")(text) == "1"


OPTIONS = {
    option.name: option
    for option in (
        Option(
            "VONGLAU_DATA",
            "Data folder",
            lambda text: Path(text).resolve(),
            "vonglau-data",
            "Databases, photos, sealed history. Back it up whole.",
        ),
        Option(
            "VONGLAU_SECRETS",
            "Folder of secrets",
            str,
            "",
            "Keys and tokens of the house, mode 0600; absent: `secrets/` of the data folder. Name another to keep them out of its "
            "backups, or systemd's credentials folder (`%d` in a unit).",
        ),
        Option(
            "VONGLAU_HISTORY",
            "History folder",
            lambda text: Path(text).resolve() if text else None,
            "",
            "Where sealed events are kept as Parquet files, when not in the data folder's `sealed/`: another, larger disk. "
            "Move the files there while the server is stopped. It belongs to the backup too.",
        ),
        Option(
            "VONGLAU_TIER",
            "Tier",
            _choice("city", "national"),
            "city",
            "One locality, or the ministries' installation.",
        ),
        Option(
            "VONGLAU_DEMO",
            "Demonstration",
            _flag,
            "0",
            "1 while `vonglau demo` serves: demonstration accounts may sign in.",
        ),
        Option(
            "VONGLAU_HOSTS",
            "Host names",
            _words,
            "127.0.0.1,localhost,[::1]",
            "Names it answers to, by comma; requests for others are refused.",
        ),
        Option(
            "VONGLAU_ORIGIN",
            "Public address",
            _url("https", "http"),
            "",
            "Set it when a proxy of yours stands in front, such as https://ioc.example.vn: its X-Forwarded-For and -Proto are believed, "
            "and with https cookies are sent over TLS only.",
        ),
        Option(
            "VONGLAU_STREAMS",
            "Change streams",
            _number(1, 50_000),
            "2000",
            "How many may be open at a time.",
            "streams",
        ),
        Option(
            "VONGLAU_SMTP",
            "Mail server",
            _url("smtp"),
            "",
            "smtp://user:password@host:port. Absent: notices become files under outbox/.",
        ),
        Option("VONGLAU_FROM", "Sender of notices", str, "vonglau@localhost", "The address mail comes from."),
        Option(
            "VONGLAU_LOG",
            "Log level",
            _choice("DEBUG", "INFO", "WARNING", "ERROR"),
            "INFO",
            "From which gravity on messages are written (JSON lines on stderr).",
        ),
        Option(
            "VONGLAU_FACTS",
            "Own facts",
            str,
            "",
            "A folder whose files stand in for those of data/ under the same names: agencies, categories, calendars.",
        ),
        Option("VONGLAU_DOOR", "The door's address", str, "", "Set by `serve`: where web and worker reach the door."),
    )
}


def value(name: str) -> Any:
    """A setting as it holds now. Raises BadInput with what is expected."""
    option = OPTIONS[name]
    text = os.environ.get(name, "") or option.default
    try:
        return option.read(text)
    except ValueError as wrong:
        raise BadInput(f"{name}={text!r} cannot be used: give {wrong}.") from wrong
