"""Cutting a JSON array into its items without giving up the good ones for a bad one.

`msgspec` cuts a well-formed array fast. Where it fails (one item is malformed, or nested too deeply) a scanner that knows only
strings, brackets and commas finds the items, so that each can be judged alone.
"""

import re
from collections.abc import Iterator

import msgspec

Piece = bytes | msgspec.Raw
"""The text of one item; a Raw is a view into the body."""

_SMALL = 1 << 20
_COMMAS = 200_000
"""Larger bodies with more commas are scanned, so that eight million `0,` do not become as many objects."""

_array = msgspec.json.Decoder(list[msgspec.Raw])
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},]', re.DOTALL)
_INSIDE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SPACE = b" \t\r\n"


class TooManyItems(ValueError):
    """The array holds more items than the caller allows."""


class NotAnArray(ValueError):
    """The text is not a JSON array, or it has no end."""


def items(body: bytes, most: int) -> list[Piece]:
    """The items of a JSON array. Raises `TooManyItems` and `NotAnArray`; items themselves may be malformed."""
    if len(body) <= _SMALL or body.count(b",") <= _COMMAS:
        try:
            found: list[Piece] = list(_array.decode(body))
        except (msgspec.DecodeError, RecursionError):
            found = _scanned(body, most)
    else:
        found = _scanned(body, most)
    if len(found) > most:
        raise TooManyItems
    return found


def _scanned(body: bytes, most: int) -> list[Piece]:
    text = body.strip(_SPACE)
    if not text.startswith(b"["):
        raise NotAnArray
    found: list[Piece] = []
    for item in _between_commas(text):
        if len(found) == most:
            raise TooManyItems
        found.append(item)
    if found == [b""]:
        return []
    return found


def _between_commas(text: bytes) -> Iterator[bytes]:
    """Texts between the commas of the outermost brackets; the text must end with the bracket that closes them."""
    depth, start, at = 1, 1, 1
    while token := (_TOKEN if depth == 1 else _INSIDE).search(text, at):
        at = token.end()
        sign = text[token.start()]
        if sign == 0x2C:  # comma
            yield text[start : token.start()].strip(_SPACE)
            start = at
        elif sign in b"[{":
            depth += 1
        elif sign in b"]}":
            depth -= 1
            if depth == 0:
                if at != len(text):
                    raise NotAnArray
                yield text[start : token.start()].strip(_SPACE)
                return
    raise NotAnArray
