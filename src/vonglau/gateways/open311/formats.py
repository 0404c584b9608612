"""GeoReport v2 in its two formats. JSON has no root key and answers lists; XML has named roots and no namespace.

Service and request codes are strings in both, also where the specification's own samples print numbers.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any
from xml.etree import ElementTree as ET

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone, translation

from vonglau.core.errors import NotFound, VongLauError
from vonglau.kit import documents

MEDIA = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that XML 1.0 cannot carry, or should not."""


class Answer:
    """A list of like things with its names in XML: ("services", "service"); `alone` for what JSON prints as one object."""

    def __init__(self, root: str, child: str, items: Sequence[Mapping[str, Any]], *, alone: bool = False) -> None:
        self.root, self.child, self.items, self.alone = root, child, items, alone

    def json(self) -> bytes:
        plain: Any = self.items[0] if self.alone else list(self.items)
        return json.dumps(plain, ensure_ascii=False, default=_text).encode()

    def xml(self) -> bytes:
        if self.alone:
            root = _element(self.root, self.items[0])
        else:
            root = ET.Element(self.root)
            root.extend(_element(self.child, item) for item in self.items)
        text: bytes = ET.tostring(root, encoding="utf-8")
        return b'<?xml version="1.0" encoding="utf-8"?>\n' + text


def _element(name: str, value: object) -> ET.Element:
    element = ET.Element(name)
    if isinstance(value, Mapping):
        element.extend(_element(key, one) for key, one in value.items())
    elif isinstance(value, (list, tuple)):
        # "attributes" holds "attribute" elements, "endpoints" "endpoint" ones, "formats" "format" ones.
        element.extend(_element(name.removesuffix("s"), one) for one in value)
    elif value is not None:
        element.text = NOT_IN_XML.sub("\ufffd", _text(value))
    return element


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    return repr(value) if isinstance(value, float) else str(value)


def respond(format: str, answer: Answer, status: int = 200) -> HttpResponse:
    body = answer.xml() if format == "xml" else answer.json()
    return HttpResponse(body, content_type=MEDIA[format], status=status)


class Refused(Exception):
    """One or more reasons why a call cannot be served. Its own kind: GeoReport has its own codes and shape of errors."""

    def __init__(self, status: int, *reasons: str) -> None:
        super().__init__(*reasons)
        self.status, self.reasons = status, reasons

    @property
    def message(self) -> str:
        return self.reasons[0]


def refusal(format: str, status: int, reasons: Sequence[str]) -> HttpResponse:
    return respond(format, Answer("errors", "error", [{"code": status, "description": one} for one in reasons]), status)


def refusal_at(path: str, status: int, reason: str) -> HttpResponse:
    """The same where no view of ours was reached: no such address, or the house itself stands still."""
    return refusal("xml" if path.endswith(".xml") else "json", status, [reason])


View = Callable[..., HttpResponse]


def georeport(*methods: str) -> Callable[[View], View]:
    """Answer errors in the caller's format, as the specification words them; and let any web page read what is public."""

    def decorate(view: View) -> View:
        @wraps(view)
        def spoken(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            """In the language of `locale`, a common extension; without one, in that of the page's reader, Vietnamese by default."""
            code = request.GET.get("locale", "").lower()[:2]
            if code not in dict(settings.LANGUAGES):
                return wrapped(request, *args, **kwargs)
            with translation.override(code):
                response = wrapped(request, *args, **kwargs)
            response["Content-Language"] = code
            return response

        def wrapped(request: HttpRequest, *args: Any, format: str, **kwargs: Any) -> HttpResponse:
            try:
                if format not in MEDIA:
                    format = "json"
                    raise NotFound("The format is .json or .xml.")
                if request.method not in methods:
                    refused = refusal(format, 405, [f"This address takes {', '.join(methods)}."])
                    refused["Allow"] = ", ".join(methods)
                    return refused
                response = view(request, *args, format=format, **kwargs)
            except Refused as error:
                response = refusal(format, error.status, error.reasons)
            except RequestDataTooBig:
                response = refusal(format, 413, ["The submission is too large."])
            except (SuspiciousOperation, MultiPartParserError, UnreadablePostError):
                response = refusal(format, 400, ["The submission cannot be read."])
            except VongLauError as error:
                response = refusal(format, error.status, [error.message])
                for name, value in documents.headers(error).items():
                    response[name] = value
            response["Access-Control-Allow-Origin"] = "*"
            return response

        spoken.csrf_exempt = True  # type: ignore[attr-defined]  # a key in the body or header, never a cookie
        return spoken

    return decorate
