"""Why an item is not an event: pointer and advice, also from msgspec's messages, and the check for NUL."""

import re
from typing import Any

import msgspec

from vonglau.core.events import Fault

_PATH = re.compile(r" - at `\$([^`]*)`\Z")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")


class Bad(ValueError):
    """Carries a fault from where it is found to where the item is given up."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.fault = Fault(pointer, reason)


def escaped(name: str) -> str:
    """A member's name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def from_msgspec(error: Exception, under: str = "") -> Fault:
    """msgspec's message as a fault; its path becomes a pointer under the given one."""
    message = str(error)
    pointer = under
    if path := _PATH.search(message):
        message = message[: path.start()]
        for name, index in _STEP.findall(path[1]):
            if index == "...":  # some member of an object with free names: msgspec does not say which
                break
            pointer += f"/{escaped(name or index)}"
    for pattern in (_MISSING, _UNKNOWN):
        if member := pattern.search(message):
            pointer += f"/{escaped(member[1])}"
    return Fault(pointer, f"{message}.")


def unreadable(error: Exception) -> Fault:
    """The fault of an item that is not JSON at all."""
    if isinstance(error, RecursionError):
        return Fault("", "The item is nested too deeply: use at most some hundred levels.")
    if isinstance(error, UnicodeDecodeError):
        return Fault("", "The item is not valid UTF-8: send JSON encoded in UTF-8.")
    return from_msgspec(error)


def find_nul(value: Any, under: str) -> str | None:
    """Pointer to the first string or member name with U+0000; None when there is none. Not recursive: input is hostile."""
    waiting: list[tuple[str, Any]] = [(under, value)]
    while waiting:
        pointer, one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one:
                return pointer
        elif isinstance(one, list):
            waiting += [(f"{pointer}/{i}", item) for i, item in enumerate(one)]
        elif isinstance(one, dict):
            for name, item in one.items():
                if "\0" in name:
                    return pointer
                waiting.append((f"{pointer}/{escaped(name)}", item))
    return None


def no_nul(text: bytes, under: str) -> None:
    """Raise `Bad` for JSON text that spells U+0000 anywhere: no store and no screen is safe with it."""
    if b"\\u0000" in text:
        pointer = find_nul(msgspec.json.decode(text), under)
        if pointer is not None:
            raise Bad(pointer, "The text contains U+0000 (NUL): remove it.")
