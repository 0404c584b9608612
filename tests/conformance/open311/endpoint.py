"""A GeoReport v2 server, asked over HTTP; and its XML as plain data, so that both formats are judged by the same shapes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import requests

MEDIA = {"json": "application/json", "xml": "text/xml"}
FORMATS = ("xml", "json")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Said:
    """An answer. `plain`: what JSON says as it stands, XML by its elements."""

    status: int
    media: str
    charset: str
    body: bytes
    format: str

    @property
    def root(self) -> ET.Element:
        assert self.body.lstrip().startswith(b"<?xml"), f"no XML declaration: {self.body[:80]!r}"
        return ET.fromstring(self.body)

    @property
    def json(self) -> Any:
        return json.loads(self.body.decode("utf-8"))

    def items(self, root: str, child: str) -> list[dict[str, Any]]:
        """The members of a list, of either format. Fails where the list is of another shape."""
        if self.format == "json":
            assert isinstance(self.json, list), f"JSON answers an array, not {self.body[:80]!r}"
            return list(self.json)
        found = self.root
        assert found.tag == root, f"the root is <{root}>, not <{found.tag}>"
        assert {one.tag for one in found} <= {child}, f"<{root}> holds <{child}> elements alone"
        return [plain(one) for one in found]


def plain(element: ET.Element) -> dict[str, Any]:
    """An element's children by name: text, None when empty; lists of lists as lists."""
    return {child.tag: _value(child) for child in element}


def _value(element: ET.Element) -> Any:
    children = list(element)
    if not children:
        return (element.text or "").strip() or None
    if {one.tag for one in children} == {element.tag.removesuffix("s")}:
        return [plain(one) if len(one) else one.text for one in children]
    return plain(element)


@dataclass(frozen=True)
class Endpoint:
    base: str
    key: str = ""
    jurisdiction: str = ""
    point: tuple[float, float] | None = None
    """lat, long of a place that the server takes reports of."""
    ours: bool = False
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, format: str, query: Mapping[str, Any] | None = None) -> Said:
        asked = {**({"jurisdiction_id": self.jurisdiction} if self.jurisdiction else {}), **(query or {})}
        return self._said(self.session.get(f"{self.base}/{path}.{format}", params=asked, timeout=60), format)

    def post(self, path: str, format: str, form: Pairs, files: Any = None) -> Said:
        if self.jurisdiction and "jurisdiction_id" not in dict(form):
            form = [("jurisdiction_id", self.jurisdiction), *form]
        return self._said(self.session.post(f"{self.base}/{path}.{format}", data=form, files=files, timeout=60), format)

    @staticmethod
    def _said(answer: requests.Response, format: str) -> Said:
        media, _, rest = answer.headers.get("Content-Type", "").partition(";")
        charset = rest.strip().lower().removeprefix("charset=").strip('"')
        return Said(answer.status_code, media.strip().lower(), charset, answer.content, format)
