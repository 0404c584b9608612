"""CloudEvents 1.0 over HTTP: the three content modes, brought to the JSON text of items."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import msgspec

from vonglau.core.errors import BadInput
from vonglau.core.events import Fault
from vonglau.gateways.events import split
from vonglau.gateways.events.split import Piece

BODY_BYTES = 16 * 1024 * 1024
ITEMS = 10_000

_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_PLAIN = ("application/json", "")
_SPACE = b" \t\r\n"
Headers = Iterable[tuple[bytes, bytes]]


class TooLarge(BadInput):
    """The request is larger than this door takes: send less at a time."""

    status = 413
    title = "Too large"


class UnknownMedia(BadInput):
    """The door takes CloudEvents 1.0: application/cloudevents+json, application/cloudevents-batch+json, or ce-* headers."""

    status = 415
    title = "Unsupported media type"


@dataclass(frozen=True, slots=True)
class Received:
    """The items of a request."""

    pieces: Sequence[Piece]
    clean: bool
    """The whole body is UTF-8 and spells no NUL, so that items need not be looked at for these."""
    fault: Fault | None = None
    """Why the only item cannot be an event, when its headers already say so."""


def read(headers: Headers, body: bytes) -> Received:
    """Items of a request in any mode. Raises `BadInput` when nothing parses, `TooLarge`, `UnknownMedia`."""
    fields = {name.lower(): value for name, value in headers}
    if fields.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
        raise UnknownMedia("Compressed bodies are not taken: send the body as it is.")
    media, charset = _media(fields.get(b"content-type", b""))
    if not media.startswith("application/cloudevents") and b"ce-specversion" in fields:
        return binary(fields, body)
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise UnknownMedia("JSON is UTF-8: send the body in UTF-8.")
    if media == _BATCH or (media in _PLAIN and body.lstrip(_SPACE)[:1] == b"["):
        return batch(body)
    if media == _STRUCTURED or media in _PLAIN:
        return structured(body)
    raise UnknownMedia


@lru_cache(256)
def _media(value: bytes) -> tuple[str, str]:
    """Media type and charset of a Content-Type header, in small letters."""
    media, *parameters = value.decode("latin-1").lower().split(";")
    named = dict(one.strip().partition("=")[::2] for one in parameters)
    return media.strip(), named.get("charset", "").strip(' "')


def structured(body: bytes) -> Received:
    """One event as a JSON object."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        raise BadInput(f"The body is not JSON ({error}): send one CloudEvent as a JSON object.") from error
    except RecursionError:
        return Received([body], clean=False)
    text = body.strip(_SPACE)
    if not text.startswith(b"{"):
        raise BadInput("The body is JSON, but no object: send one CloudEvent as a JSON object, several as a batch.")
    return Received([text], clean=_clean(body))


def batch(body: bytes) -> Received:
    """Events as a JSON array."""
    try:
        pieces = split.items(body, ITEMS)
    except split.TooManyItems as error:
        raise TooLarge(f"The batch has more than {ITEMS:,} items: send it in parts.") from error
    except split.NotAnArray as error:
        raise BadInput("The body is no JSON array: send a batch as an array of CloudEvents.") from error
    return Received(pieces, clean=_clean(body))


def _clean(body: bytes) -> bool:
    if b"\\u0000" in body:
        return False
    return body.isascii() or _is_utf8(body)


def binary(fields: dict[bytes, bytes], body: bytes) -> Received:
    """Attributes from `ce-*` headers and data from the body, as the JSON text of one event."""
    event: dict[str, object] = {}
    fault = None
    for header, value in fields.items():
        if header.startswith(b"ce-"):
            name, raw = header[3:].decode("latin-1"), _header_bytes(value)
            if name in ("data", "data_base64"):
                fault = Fault(f"/{name}", "In binary mode the body is the data: send no such header.")
                continue
            event[name] = raw.decode("utf-8", "replace")
            if not _is_utf8(raw):
                fault = Fault(f"/{name}", f"Header ce-{name} is not percent-encoded UTF-8.")
    content = fields.get(b"content-type", b"")
    if content:
        event["datacontenttype"] = content.decode("latin-1")
    if body:
        _put_data(event, _media(content)[0], body)
    return Received([msgspec.json.encode(event)], clean=False, fault=fault)


def _put_data(event: dict[str, object], media: str, body: bytes) -> None:
    """JSON stays as it was sent, text becomes a JSON string, anything else Base64."""
    try:
        if media in ("", "application/json") or media.endswith("+json"):
            body.decode()
            msgspec.json.decode(body, type=msgspec.Raw)
            event["data"] = msgspec.Raw(body)
            return
        if media.startswith("text/"):
            event["data"] = body.decode()
            return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    event["data_base64"] = base64.b64encode(body).decode()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _header_bytes(value: bytes) -> bytes:
    """HTTP binding 1.0.2, 3.1.3.2: quotes are taken off first, then the percent-encoding."""
    text = value.strip()
    if len(text) >= 2 and text[:1] == text[-1:] == b'"':
        inner, out, quoted = text[1:-1], bytearray(), False
        for byte in inner:
            if byte == 0x5C and not quoted:
                quoted = True
                continue
            out.append(byte)
            quoted = False
        text = bytes(out)
    return unquote_to_bytes(text)
