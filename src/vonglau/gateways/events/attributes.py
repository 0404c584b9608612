"""Checks of CloudEvents attributes, one by one. Each raises `Bad` with what to do."""

import math
import re

from vonglau.gateways.events.faults import Bad, escaped

NAME = re.compile(r"[a-z0-9]{1,64}\Z")
"""CloudEvents 1.0: attribute names are lower-case letters and digits."""

RESERVED = frozenset({"data", "data_base64"})
MOST_INTEGER = 2**31 - 1
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_NOT_IN_URI = re.compile('[\x00-\x20\x7f-\x9f<>"\\\\^`{|}]|%(?![0-9A-Fa-f]{2})')
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?\Z", re.ASCII)
_LONGEST = 4096
"""Characters of one attribute: more is a mistake, and would swell every index."""


def text(name: str, value: str) -> None:
    """A non-empty string without control characters or noncharacters."""
    if not value:
        raise Bad(f"/{escaped(name)}", f"`{name}` is empty: give it a value or leave it out.")
    if len(value) > _LONGEST:
        raise Bad(f"/{escaped(name)}", f"`{name}` has more than {_LONGEST} characters.")
    if not value.isprintable() and (found := _CONTROL.search(value)):
        raise Bad(f"/{escaped(name)}", f"`{name}` contains the control character U+{ord(found[0]):04X}: remove it.")


def uri_reference(name: str, value: str) -> None:
    """RFC 3986 URI-reference, except that letters beyond ASCII pass (IRI)."""
    text(name, value)
    if found := _NOT_IN_URI.search(value):
        raise Bad(f"/{name}", f"`{name}` is no URI reference: {found[0]!a} must be percent-encoded.")


def extension(name: str, value: object) -> str | int | bool:
    """A value of CloudEvents' types under a legal name."""
    if not NAME.match(name) or name in RESERVED:
        raise Bad(f"/{escaped(name)}", "Names of attributes are 1 to 64 lower-case letters and digits.")
    if isinstance(value, str):
        if value:
            text(name, value)
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -MOST_INTEGER - 1 <= value <= MOST_INTEGER:
        return value
    raise Bad(f"/{name}", f"`{name}` must be a string, a boolean or a 32-bit integer; put anything else into `data`.")


def degrees(name: str, value: float | str | None, most: float) -> float:
    """WGS 84 degrees from a number or a decimal string."""
    if value is None:
        raise Bad(f"/{name}", "Give both `lon` and `lat`, or neither.")
    if isinstance(value, str):
        if len(value) > 40 or not _DECIMAL.match(value):
            raise Bad(f"/{name}", f'`{name}` is no decimal number: write degrees like "108.2208".')
        value = float(value)
    if not (math.isfinite(value) and -most <= value <= most):
        raise Bad(
            f"/{name}", f"`{name}` is off the Earth: it must lie between -{most:g} and {most:g} degrees (WGS 84)."
        )
    return value
