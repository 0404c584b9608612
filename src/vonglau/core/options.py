"""Settings as typed fields: environment variables with title, unit, default and meaning. Pages and docs come from them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
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
    secret: bool = False
    """Its text may hold a password: it is never shown."""

    def value(self) -> Any:
        """The setting as it holds now. Raises BadInput with what is expected."""
        text = os.environ.get(self.name, "") or self.default
        try:
            return self.read(text)
        except ValueError as wrong:
            if self.secret:
                raise BadInput(f"{self.name} cannot be used: give {wrong}.") from None
            raise BadInput(f"{self.name}={text!r} cannot be used: give {wrong}.") from wrong


def choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text

    return read


def number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and (urlsplit(text).scheme not in schemes or not urlsplit(text).hostname):
            raise ValueError(f"an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text.rstrip("/")

    return read


def flag(text: str) -> bool:
    return choice("0", "1")(text) == "1"
