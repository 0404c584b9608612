"""What callers send, checked. An empty argument is an absent one, as the specification says."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from vonglau.gateways.open311.formats import Refused
from vonglau.services.field_reports.attributes import Answer
from vonglau.services.field_reports.intake import Personal
from vonglau.services.field_reports.rules import DESCRIPTION_LIMIT

Arguments = Mapping[str, str]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
WINDOW = timedelta(days=90)
MOST = 1000
LIMITS = {
    "description": DESCRIPTION_LIMIT,
    "first_name": 100,
    "last_name": 100,
    "email": 254,
    "phone": 40,
    "address_string": 300,
    "address_id": 100,
    "media_url": 2000,
    "device_id": 100,
    "account_id": 100,
    "service_code": 60,
}
LISTS = ("service_request_id", "service_code", "status")
"""Arguments that take several values, by comma or given several times."""


def single(pairs: Iterable[tuple[str, str]], lists: Iterable[str] = ()) -> Arguments:
    """Each name once: those of `lists` joined by comma, any other refused when it comes with two values."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if value == "" or found.get(name) == value:
            continue
        if name not in found:
            found[name] = value
        elif name in lists:
            found[name] += f",{value}"
        else:
            raise Refused(400, f"{name[:80]} is given twice, with different values.")
    return found


def query(request: HttpRequest) -> Arguments:
    return single(((name, value) for name, values in request.GET.lists() for value in values), LISTS)


def box(arguments: Arguments) -> tuple[float, float, float, float] | None:
    """`bbox`: west,south,east,north in degrees, as RFC 7946 orders them. A box over the 180th meridian has its west above its east."""
    text = arguments.get("bbox", "")
    if not text:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4:
        raise Refused(400, "bbox is west,south,east,north in degrees.")
    names, most = ("west", "south", "east", "north"), (180, 90, 180, 90)
    sides = dict(zip(names, parts, strict=True))
    west, south, east, north = (degrees(sides, name, limit) for name, limit in zip(names, most, strict=True))
    if west is None or south is None or east is None or north is None or south > north:
        raise Refused(400, "bbox is west,south,east,north in degrees, its south below its north.")
    return west, south, east, north


def yes(arguments: Arguments, name: str) -> bool:
    """An argument that is true or false."""
    return choice(arguments, name, ("true", "false")) == ["true"]


def degrees(arguments: Arguments, name: str, most: float) -> float | None:
    text = arguments.get(name, "").strip()
    if not text:
        return None
    value = float(text) if NUMBER.match(text) else math.nan
    if not math.isfinite(value) or abs(value) > most:
        raise Refused(400, f"{name} must be a number of degrees (WGS 84) from -{most:g} to {most:g}.")
    return value


def place(arguments: Arguments) -> tuple[float | None, float | None]:
    """lat and long come together; without them an address in words must say where."""
    lat, lon = degrees(arguments, "lat", 90), degrees(arguments, "long", 180)
    if (lat is None) != (lon is None):
        raise Refused(400, f"{'lat' if lat is None else 'long'} is missing: lat and long come together.")
    if lat is None and not arguments.get("address_string"):
        raise Refused(400, "Say where: lat and long, or address_string (address_id is not used here).")
    return lon, lat


def faults(arguments: Arguments, links: Sequence[str] = ()) -> list[str]:
    """What cannot be used of a citizen's words and contacts."""
    sizes = {name: len(arguments.get(name, "").replace("\r\n", "\n")) for name in LIMITS}
    sizes["media_url"] = len("\n".join(links))
    found = [f"{name} is longer than {most} characters." for name, most in LIMITS.items() if sizes[name] > most]
    found += [f"{name} holds a NUL character." for name in LIMITS if "\x00" in arguments.get(name, "")]
    if email := arguments.get("email", "").strip():
        try:
            validate_email(email)
        except ValidationError:
            found.append("email is not an e-mail address.")
    if not all(map(_is_link, links)):
        found.append("media_url is not an http(s) address, nor an image in base64.")
    return found


def personal(arguments: Arguments, links: Sequence[str], attributes: Mapping[str, Answer]) -> Personal:
    """What `faults` had nothing to say about."""
    names = (arguments.get("first_name", "").strip(), arguments.get("last_name", "").strip())
    return Personal(
        description=arguments.get("description", "").strip(),
        contact_name=" ".join(filter(None, names)),
        email=arguments.get("email", "").strip(),
        phone=arguments.get("phone", "").strip(),
        address=arguments.get("address_string", "").strip(),
        media_url="\n".join(links),
        device_id=arguments.get("device_id", ""),
        account_id=arguments.get("account_id", ""),
        attributes=attributes,
    )


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f\x7f<>\"]", text)


def words(arguments: Arguments, name: str, most: int = MOST) -> list[str]:
    """A list by comma."""
    found = [word.strip() for word in arguments.get(name, "").split(",") if word.strip()]
    if len(found) > most:
        raise Refused(400, f"{name} names more than {most} values.")
    if any("\x00" in word or len(word) > 80 for word in found):
        raise Refused(400, f"{name} holds a value that cannot be one.")
    return found


def choice(arguments: Arguments, name: str, allowed: Iterable[str]) -> list[str]:
    found = words(arguments, name)
    if unknown := sorted(set(found) - set(allowed)):
        raise Refused(400, f"{name} is {' or '.join(allowed)}, not {unknown[0]}.")
    return found


def moment(arguments: Arguments, name: str) -> datetime | None:
    """ISO 8601 with zone. In a query a "+" of the zone often arrives as a space."""
    text = arguments.get(name, "").strip()
    if not text:
        return None
    try:
        found = parse_datetime(re.sub(r" (\d\d:?\d\d)\Z", r"+\1", text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refused(400, f"{name} must be a time with zone, such as 2026-11-22T08:00:00Z.")
    try:
        return found.astimezone(UTC)
    except OverflowError as problem:
        raise Refused(400, f"{name} is not within the calendar.") from problem


def window(arguments: Arguments, now: datetime) -> tuple[datetime, datetime]:
    """The last 90 days, or the period asked for, of 90 days at most."""
    start, end = moment(arguments, "start_date"), moment(arguments, "end_date")
    try:
        if start is None:
            start = (end or now) - WINDOW
        end = end or min(start + WINDOW, max(now, start))
    except OverflowError as problem:
        raise Refused(400, "The period is not within the calendar.") from problem
    if end < start:
        raise Refused(400, "end_date is before start_date.")
    if end - start > WINDOW:
        raise Refused(400, "start_date and end_date may not be more than 90 days apart.")
    return start, end


def page(arguments: Arguments) -> slice:
    """`page` from 1 and `page_size`, a common extension; without them the first 1,000."""
    numbers = {}
    for name, usual, most in (("page", 1, 1_000_000), ("page_size", MOST, MOST)):
        text = arguments.get(name, str(usual))
        if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 7 and 1 <= int(text) <= most):
            raise Refused(400, f"{name} is a whole number from 1 to {most}.")
        numbers[name] = int(text)
    first = (numbers["page"] - 1) * numbers["page_size"]
    return slice(first, first + numbers["page_size"])


def local(at: datetime | None) -> datetime | None:
    return timezone.localtime(at).replace(microsecond=0) if at is not None else None
