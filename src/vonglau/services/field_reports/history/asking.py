"""Reads the reports of another GeoReport v2 server into a folder, window by window: politely, and going on where it stopped.

A server gives 90 days or 1,000 reports, whichever is less, or fewer, and never says whether there are more. So an answer is taken for whole
only where it holds fewer reports than the server has already shown to give at once; any other window is halved until that is so. Where
the mapping says that the server knows pages, an answer is all pages of a window. What could not be had is told (`cut`). Each window is
one CSV, written whole or not at all; `state.json` says which are done.
What a server sends is only ever text of bounded length: nothing of it is run, followed or believed.
"""

import csv
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener
from xml.etree import ElementTree

from vonglau.core.errors import BadInput

FIELDS = (
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description", "agency_responsible",
    "requested_datetime", "updated_datetime", "expected_datetime", "address", "zipcode", "lat", "long", "media_url",
)  # fmt: skip
CLOSED = "closed_datetime"
"""A column of our own: the specification gives the time of closing as `updated_datetime`, of closed requests alone."""
COLUMNS = (*FIELDS, CLOSED)
"""Of what is written; else named as the specification names them."""
LONGEST = timedelta(days=90)
MOST = 1_000
"""Reports a server gives at once, where the mapping does not say otherwise."""
LEAST = 10
"""Fewer than this is a whole answer: no server is known that gives so few at once."""
COARSE = timedelta(days=1)
"""A server may know whole days alone, or days of its own zone: what it gives lies this much outside a window, and no smaller one helps."""
ZONES = timedelta(hours=14)
"""No clock of the world differs more from UTC."""
RULE = 2
"""By which windows were taken for whole: those of an older rule are asked again."""
PAGES = 10_000
"""Of one window: a server that makes up reports without end is not followed for ever."""
SMALLEST = timedelta(seconds=1)
NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
"""What JSON can say and no file in UTF-8 can hold: halves of a character; and the character that databases refuse."""
CHARS = 10_000
BYTES = 64 << 20
SECONDS = 60
TRIES = 6
LONGEST_WAIT = 120.0
AGENT = "Vong Lau (GeoReport v2 import)"

Said = Callable[[str], None]


class Refused(BadInput):
    """The server does not answer as GeoReport v2 says; what was read so far is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Whom to ask, and how gently."""

    url: str
    """Up to and without `/requests.json`."""
    jurisdiction: str = ""
    format: str = "json"
    pages: bool = False
    """It knows `page` and `page_size`."""
    most: int = MOST
    """Reports it is asked for at once, and known to give no more than."""
    pause: float = 1.0
    """Seconds between two requests."""


@dataclass(slots=True)
class Window:
    """A span of `requested_datetime`, its end included, and the file its reports stand in."""

    start: datetime
    end: datetime
    file: str = ""
    rows: int = 0
    cut: bool = False
    """Full although no smaller one can be asked for: the server may have more than it gives."""


class _NoRedirect(HTTPRedirectHandler):
    """A server that sends us elsewhere is not the one that was named."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def collect(
    server: Server, folder: Path, since: datetime, until: datetime, said: Said = lambda _words: None
) -> tuple[Path, list[Window]]:
    """All reports between two moments as one CSV. Raises Refused, after which the same call goes on where it stopped."""
    parts = urlsplit(server.url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadInput(
            f"{server.url}: give the address of a GeoReport v2 server, such as https://city.example/open311/v2."
        )
    if since >= until:
        raise BadInput("--since lies after --until.")
    folder.mkdir(parents=True, exist_ok=True)
    done = _done(folder, server)
    asker = _Asker(server, said)
    asker.given = max((one.rows for one in done), default=0)
    for start, end in _spans(since, until):
        for window in _filled(asker, folder, Window(start, end), done):
            done.append(window)
            if end < until:  # the latest span may still grow: it is asked again
                _keep(folder, server, done)
            said(f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}: {window.rows:,} reports")
    return _together(folder, done), done


def _spans(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From the earliest on, the same whenever it is asked. Each begins with the second the one before ends with: none falls between two."""
    start = since.replace(microsecond=0)
    while start < until:
        end = min(start + LONGEST, until.replace(microsecond=0) + SMALLEST)
        yield start, end
        start = end


def _covered(window: Window, done: list[Window]) -> bool:
    reached = window.start
    for one in sorted(done, key=lambda one: one.start):
        if one.start <= reached:
            reached = max(reached, one.end)
    return reached >= window.end


def _filled(asker: "_Asker", folder: Path, window: Window, done: list[Window]) -> Iterator[Window]:
    if _covered(window, done):
        return
    rows = asker.reports(window)
    full = len(rows) >= LEAST and len(rows) >= min(asker.given, asker.server.most)
    asker.given = max(asker.given, len(rows))
    if full and window.end - window.start > SMALLEST and _keeps_to(window, rows):
        middle = (window.start + (window.end - window.start) / 2).replace(microsecond=0)
        yield from _filled(asker, folder, Window(window.start, middle), done)
        yield from _filled(asker, folder, Window(middle, window.end), done)
        return
    window.file = f"{window.start:%Y%m%dT%H%M%S}-{window.end:%Y%m%dT%H%M%S}.csv"
    window.rows, window.cut = len(rows), full
    _write(folder / window.file, rows)
    yield window


def _keeps_to(window: Window, rows: list[dict[str, str]]) -> bool:
    """Whether a smaller window would be answered with less: not where a server gives what lies far outside of this one already."""
    beside = COARSE if window.end - window.start > COARSE else SMALLEST
    told = [found for row in rows if (found := _read(row["requested_datetime"])) is not None]
    within = [
        window.start - slack <= at <= window.end + slack
        for at, zoned in told
        for slack in [beside if zoned else max(beside, ZONES)]
    ]
    return bool(within) and all(within)


def _read(text: str) -> tuple[datetime, bool] | None:
    """A moment, and whether it says of which zone; taken for UTC where it does not."""
    try:
        at = datetime.fromisoformat(text)
        return (at.astimezone(UTC), True) if at.tzinfo else (at.replace(tzinfo=UTC), False)
    except (ValueError, OverflowError):
        return None


class _Asker:
    """One request after the other, a pause between them, more patience with each failure."""

    def __init__(self, server: Server, said: Said) -> None:
        self.server, self.said = server, said
        self.turns_pages = server.pages
        self.given = 0
        """The most reports of one window so far: it gives so many at once."""
        self.last = 0.0
        self.open = build_opener(_NoRedirect).open

    def reports(self, window: Window) -> list[dict[str, str]]:
        asked = {"start_date": _moment(window.start), "end_date": _moment(window.end)}
        if not self.turns_pages:
            return self._page(asked)
        found: dict[str, dict[str, str]] = {}
        nameless: list[dict[str, str]] = []
        for page in range(1, PAGES + 1):
            rows = self._page({**asked, "page": str(page), "page_size": str(self.server.most)})
            fresh = [row for row in rows if row["service_request_id"] not in found and row["service_request_id"]]
            found |= {row["service_request_id"]: row for row in rows if row["service_request_id"]}
            nameless += [row for row in rows if not row["service_request_id"]]
            if page == 2 and rows and not fresh:  # the first page again: it does not know pages after all
                self.turns_pages = False
            if (
                not fresh
            ):  # a page that is not full is no last one: a server may give fewer at a time than it was asked for
                return [*found.values(), *nameless]
        raise Refused(f"{self.server.url}: more than {PAGES:,} pages for one window.")

    def _page(self, asked: Mapping[str, str]) -> list[dict[str, str]]:
        if self.server.jurisdiction:
            asked = {**asked, "jurisdiction_id": self.server.jurisdiction}
        address = f"{self.server.url.rstrip('/')}/requests.{self.server.format}?{urlencode(asked)}"
        body = self._patiently(address)
        read = _from_json if self.server.format == "json" else _from_xml
        try:
            rows = [_flat(one) for one in read(body)]
            if rows and not any(row["service_request_id"] for row in rows):
                raise ValueError("nothing in it has a service_request_id")
            return rows
        except (ValueError, ElementTree.ParseError, RecursionError) as wrong:
            raise Refused(
                f"{address}: no list of service requests ({str(wrong)[:120]}); is this a GeoReport v2 server?"
            ) from wrong

    def _patiently(self, address: str) -> bytes:
        for attempt in range(1, TRIES + 1):
            time.sleep(max(0.0, self.last + self.server.pause - time.monotonic()))
            try:
                return self._once(address)
            except HTTPError as answer:
                answer.close()
                if answer.code not in (408, 425, 429, 500, 502, 503, 504):
                    raise Refused(
                        f"{address}: answered {answer.code}; is the address right, and does it need a jurisdiction?"
                    ) from answer
                wait, why = _asked_to_wait(answer) or 2.0**attempt, f"answered {answer.code}"
            except (URLError, OSError, HTTPException) as broken:
                wait, why = 2.0**attempt, str(getattr(broken, "reason", broken))[:80]
            finally:
                self.last = time.monotonic()
            if attempt < TRIES:
                self.said(f"{why}: again in {min(wait, LONGEST_WAIT):.0f} s")
                time.sleep(min(wait, LONGEST_WAIT))
        raise Refused(f"{address}: {why}, {TRIES} times. Try again later: it goes on from here.")

    def _once(self, address: str) -> bytes:
        until = time.monotonic() + SECONDS
        request = Request(address, headers={"User-Agent": AGENT})  # noqa: S310 - `collect` lets only http and https pass
        with self.open(request, timeout=SECONDS / 2) as answer:
            pieces, size = [], 0
            while piece := answer.read(1 << 16):
                size += len(piece)
                if size > BYTES:
                    raise Refused(f"{address}: more than {BYTES >> 20} MiB for one window.")
                if time.monotonic() > until:
                    raise TimeoutError("it did not end in a minute")
                pieces.append(piece)
        return b"".join(pieces)


def _asked_to_wait(answer: HTTPError) -> float:
    """Seconds of `Retry-After`; 0 where it names none, or a date."""
    said = answer.headers.get("Retry-After", "") if answer.headers else ""
    return float(said) if said.isdigit() and len(said) < 6 else 0.0


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _from_json(body: bytes) -> list[Mapping[str, Any]]:
    told = json.loads(body)
    if isinstance(told, dict):  # some servers put the list under a root, as XML has it
        told = told.get("service_requests", told.get("requests"))
    if not isinstance(told, list):
        raise ValueError("it is no list")
    return [one for one in told if isinstance(one, dict)]


def _from_xml(body: bytes) -> list[Mapping[str, Any]]:
    text = body.decode("utf-8-sig")  # one encoding: in another, what is looked for below would hide
    if "\x00" in text:
        raise ValueError("it is no XML in UTF-8")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it declares entities, which no server of this kind needs")
    root = ElementTree.fromstring(text, ElementTree.XMLParser(encoding="utf-8"))  # noqa: S314 - no entities, bounded size
    if root.tag != "service_requests":
        raise ValueError(f"it begins with <{root.tag[:40]}>")
    return [{child.tag: child.text for child in one} for one in root.findall("request")]


def _flat(told: Mapping[str, Any]) -> dict[str, str]:
    """The known fields as text: numbers as they are written, nothing for what is no plain value."""
    found = {}
    for name in FIELDS:
        value = told.get(name)
        plain = value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
        found[name] = NOT_TEXT.sub("", str(plain))[:CHARS]
    found[CLOSED] = found["updated_datetime"] if found["status"].strip().lower() == "closed" else ""
    return found


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        out.writerows(rows)
    beside.replace(path)


def _together(folder: Path, windows: list[Window]) -> Path:
    """One file of all windows, each report once, as the latest window has it."""
    path, seen = folder / "all.csv", set()
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        for window in sorted(windows, key=lambda one: one.start, reverse=True):
            with (folder / window.file).open(encoding="utf-8", newline="") as part:
                for row in csv.DictReader(part):
                    if row["service_request_id"] not in seen:
                        if row[
                            "service_request_id"
                        ]:  # one without goes on: it is listed with its reason when it is loaded
                            seen.add(row["service_request_id"])
                        out.writerow(row)
    beside.replace(path)
    return path


def _done(folder: Path, server: Server) -> list[Window]:
    """Windows that were read before, of the same server; a folder of another one is refused."""
    path = folder / "state.json"
    if not path.exists():
        return []
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        windows = [
            Window(
                datetime.fromisoformat(one["start"]),
                datetime.fromisoformat(one["end"]),
                Path(one["file"]).name,
                int(one["rows"]),
                bool(one["cut"]),
            )
            for one in (kept["windows"] if kept.get("rule") == RULE else [])
        ]
        url = kept["url"]
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise BadInput(f"{path} cannot be read ({wrong}): remove the folder {folder} to begin anew.") from wrong
    if url != server.url:
        raise BadInput(f"{folder} holds reports of {url}: name another mapping, or remove the folder.")
    return [one for one in windows if (folder / one.file).is_file()]


def _keep(folder: Path, server: Server, windows: list[Window]) -> None:
    told = [
        {"start": one.start.isoformat(), "end": one.end.isoformat(), "file": one.file, "rows": one.rows, "cut": one.cut}
        for one in windows
    ]
    beside = folder / "state.part"
    beside.write_text(json.dumps({"url": server.url, "rule": RULE, "windows": told}, indent=1), encoding="utf-8")
    beside.replace(folder / "state.json")
