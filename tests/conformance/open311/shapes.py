"""The shapes of GeoReport v2: each function names what is wrong with an object of one format; an empty list means nothing is.

Written from the specification. In XML everything is text; in JSON codes and numbers of requests are strings (the specification's own
samples print numbers, some of them impossible ones such as 001), and lat, long and true or false are what they are.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

W3C = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")
TYPES = ("realtime", "batch", "blackbox")
DATATYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")

Thing = Mapping[str, Any]


def moment(text: Any) -> datetime:
    assert isinstance(text, str), f"{text!r} is no time"
    assert W3C.match(text), f"{text!r} is no W3C time with zone"
    return datetime.fromisoformat(text)


def _text(thing: Thing, name: str, *, needed: bool = True) -> Iterator[str]:
    value = thing.get(name)
    if value is None:
        if needed:
            yield f"{name} is missing or empty"
    elif not isinstance(value, str):
        yield f"{name} is {value!r}, not a string"


def _truth(thing: Thing, name: str, format: str) -> Iterator[str]:
    if thing.get(name) not in ((True, False) if format == "json" else ("true", "false")):
        yield f"{name} is {thing.get(name)!r}, neither true nor false"


def _number(thing: Thing, name: str, most: float, format: str) -> Iterator[str]:
    value = thing.get(name)
    if value is None:
        return
    if format == "json" and (isinstance(value, bool) or not isinstance(value, int | float)):
        yield f"{name} is {value!r}, not a number"
        return
    try:
        if abs(float(value)) > most:
            yield f"{name} is {value!r}, beyond {most}"
    except ValueError:
        yield f"{name} is {value!r}, not a number"


def _moment(thing: Thing, name: str, *, needed: bool = False) -> Iterator[str]:
    value = thing.get(name)
    if value is None:
        if needed:
            yield f"{name} is missing"
        return
    try:
        moment(value)
    except (AssertionError, ValueError) as wrong:
        yield f"{name}: {wrong}"


def service(thing: Thing, format: str) -> list[str]:
    faults = [*_text(thing, "service_code"), *_text(thing, "service_name"), *_truth(thing, "metadata", format)]
    faults += [f for name in ("description", "keywords", "group") for f in _text(thing, name, needed=False)]
    if thing.get("type") not in TYPES:
        faults.append(f"type is {thing.get('type')!r}, none of {', '.join(TYPES)}")
    return faults


def attribute(thing: Thing, format: str) -> list[str]:
    faults = [*_text(thing, "code"), *_truth(thing, "variable", format), *_truth(thing, "required", format)]
    faults += [*_text(thing, "description", needed=False), *_text(thing, "datatype_description", needed=False)]
    if thing.get("datatype") not in DATATYPES:
        faults.append(f"datatype is {thing.get('datatype')!r}, none of {', '.join(DATATYPES)}")
    order = thing.get("order")
    if (format == "json" and not isinstance(order, int)) or not str(order).isdigit() or int(str(order)) < 1:
        faults.append(f"order is {order!r}, not a positive whole number")
    values = thing.get("values") or []
    if str(thing.get("datatype")).endswith("list") and not values:
        faults.append("a list without values")
    return faults + [fault for value in values for name in ("key", "name") for fault in _text(value, name)]


def request(thing: Thing, format: str) -> list[str]:
    faults = [*_text(thing, "service_request_id"), *_text(thing, "service_code")]
    faults += [*_moment(thing, "requested_datetime", needed=True)]
    faults += [f for name in ("updated_datetime", "expected_datetime") for f in _moment(thing, name)]
    words = ("status_notes", "service_name", "description", "agency_responsible", "service_notice")
    faults += [f for name in (*words, "address", "address_id", "media_url") for f in _text(thing, name, needed=False)]
    faults += [*_number(thing, "lat", 90, format), *_number(thing, "long", 180, format)]
    if thing.get("status") not in ("open", "closed"):
        faults.append(f"status is {thing.get('status')!r}, neither open nor closed")
    if (thing.get("lat") is None) != (thing.get("long") is None):
        faults.append("lat and long come together")
    return faults


def created(thing: Thing, format: str) -> list[str]:
    faults = [*_text(thing, "service_request_id", needed=False), *_text(thing, "token", needed=False)]
    if (thing.get("service_request_id") is None) == (thing.get("token") is None):
        faults.append("either service_request_id or token, not both and not neither")
    return faults


def error(thing: Thing, format: str) -> list[str]:
    faults = [*_text(thing, "description")]
    code = thing.get("code")
    if not str(code).isdigit():
        faults.append(f"code is {code!r}, not a number")
    return faults


def discovery(thing: Thing, format: str) -> list[str]:
    faults = [f for name in ("contact", "key_service") for f in _text(thing, name)]
    faults += [*_moment(thing, "changeset", needed=True)]
    endpoints = thing.get("endpoints")
    if not isinstance(endpoints, list) or not endpoints:
        return [*faults, "endpoints is no list, or empty"]
    for one in endpoints:
        faults += [f for name in ("specification", "url") for f in _text(one, name)]
        faults += [*_moment(one, "changeset", needed=True)]
        if one.get("type") not in ("production", "test"):
            faults.append(f"type is {one.get('type')!r}, neither production nor test")
        if "text/xml" not in (one.get("formats") or []):
            faults.append("formats does not name text/xml, which is required")
    return faults
