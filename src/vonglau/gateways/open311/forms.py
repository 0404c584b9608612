"""A submitted form: fields, answers to a service's questions, and photos, as form or multipart media or as data: URIs."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.http import HttpRequest

from vonglau.core.incidents import files
from vonglau.core.incidents.files import Upload
from vonglau.gateways.open311 import arguments
from vonglau.gateways.open311.arguments import Arguments
from vonglau.gateways.open311.formats import Refused

URLENCODED = "application/x-www-form-urlencoded"
FIELDS = 200
PHOTOS = 10
"""Of one submission."""

ATTRIBUTE = re.compile(r"attribute\[([A-Za-z0-9_.:-]{1,60})\](\[\])?\Z", re.ASCII)
DATA = re.compile(r"data:(image/[a-z0-9.+-]+)?(;[a-z0-9=.-]+)*;base64,", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Inline:
    """A photo that came within a field."""

    data: bytes

    def chunks(self) -> Iterable[bytes]:
        yield self.data


@dataclass(frozen=True, slots=True)
class Form:
    """What was submitted. Empty values are absent."""

    fields: Arguments
    attributes: dict[str, list[str]]
    links: tuple[str, ...]
    """`media_url`, which may come several times."""
    photos: tuple[Upload, ...]


def read(request: HttpRequest) -> Form:
    """A form that is no UTF-8 is refused rather than kept with holes in it; so is a field that is given twice in two ways."""
    pairs, photos = _submitted(request)
    plain: list[tuple[str, str]] = []
    attributes: dict[str, list[str]] = {}
    links: list[str] = []
    for name, value in (*_in_query(request, {name for name, _value in pairs}), *pairs):
        if value == "":
            continue
        if name.startswith("attribute"):
            attributes.setdefault(_code(name), []).append(value)
        elif name in ("media_url", "media_url[]"):
            links.append(value.strip())
        else:
            plain.append((name, value))
    inline = [_decoded(link) for link in links if link[:5].lower() == "data:"]
    photos = [*photos, *inline]
    if len(photos) > PHOTOS:
        raise Refused(400, f"A submission takes {PHOTOS} photos at most, not {len(photos)}.")
    others = tuple(dict.fromkeys(link for link in links if link and link[:5].lower() != "data:"))
    return Form(arguments.single(plain), attributes, others, tuple(photos))


def _in_query(request: HttpRequest, sent: set[str]) -> Iterator[tuple[str, str]]:
    """Arguments of the address; the form has the last word."""
    for name, values in request.GET.lists():
        if name not in sent:
            yield from ((name, value) for value in values)


def _submitted(request: HttpRequest) -> tuple[Sequence[tuple[str, str]], list[Upload]]:
    media = request.content_type
    if media in (URLENCODED, ""):
        try:
            text = request.body.decode("ascii")
            return parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS, errors="strict"), []
        except (UnicodeDecodeError, ValueError) as problem:
            raise Refused(400, f"The form is not {URLENCODED} in UTF-8 with at most {FIELDS} fields.") from problem
    if media == "multipart/form-data":
        pairs = [(name, value) for name, values in request.POST.lists() for value in values]
        if len(pairs) > FIELDS:
            raise Refused(400, f"The form has more than {FIELDS} fields.")
        return pairs, [file for _name, found in request.FILES.lists() for file in found if file]
    raise Refused(400, f"Send {URLENCODED} or multipart/form-data, not {(media or 'an unnamed type')[:80]}.")


def _code(name: str) -> str:
    found = ATTRIBUTE.match(name)
    if found is None:
        raise Refused(
            400, f"{name[:80]} is no attribute: write attribute[code]=value, or attribute[code][]= for each of several."
        )
    return found[1]


def _decoded(link: str) -> Inline:
    """A data: URI. In a form a plus that was not escaped has become a space."""
    head = DATA.match(link)
    if head is None:
        raise Refused(400, "A data: URI in media_url must be an image in base64.")
    text = link[head.end() :].replace(" ", "+")
    if len(text) > files.LIMIT * 4 // 3 + 4:
        raise Refused(413, f"A photo is larger than {files.LIMIT // 1024 // 1024} MB; send a smaller one.")
    try:
        return Inline(base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True))
    except (binascii.Error, ValueError) as problem:
        raise Refused(400, "A data: URI in media_url is not base64.") from problem
