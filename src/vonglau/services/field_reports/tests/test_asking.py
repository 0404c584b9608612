"""Another server is asked politely and believed in nothing. The server here stands for other people's: it keeps the rules, or breaks them."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from vonglau.core.errors import BadInput
from vonglau.core.facts import data_path
from vonglau.core.tables import files
from vonglau.services.field_reports.history import asking, load
from vonglau.services.field_reports.history.asking import Refused, Server, collect
from vonglau.services.field_reports.models import Content, Report

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=200)
Answer = tuple[int, dict[str, str], bytes]


def told(n: int, at: datetime) -> dict[str, object]:
    closed = n % 2 == 0
    return {
        "service_request_id": f"R{n:05d}",
        "status": "closed" if closed else "open",
        "status_notes": "Fixed" if closed else None,
        "service_code": "lamp" if n % 3 else "odd",
        "description": f"Đèn tắt, gọi 0905 123 {n % 1000:03d}",
        "requested_datetime": at.isoformat(),
        "updated_datetime": (at + timedelta(hours=5)).isoformat(),
        "lat": 16.06,
        "long": 108.22,
        "media_url": {"not": "text"},
    }


class Foreign:
    """A server with a report every two hours; `answer` may be put in its place."""

    def __init__(self) -> None:
        self.rows = [(START + timedelta(hours=2 * n, milliseconds=500), n) for n in range(2400)]
        self.asked: list[dict[str, str]] = []
        self.pages = False
        self.cap = 1000
        """It gives no more at once, whatever is asked for."""
        self.answer: Callable[[dict[str, str]], Answer] = self.proper
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
                outer.asked.append(given)
                status, headers, body = outer.answer(given)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Says nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def server(self) -> Server:
        return Server(url=f"http://127.0.0.1:{self.http.server_port}/v2", pause=0.0, pages=self.pages, most=self.cap)

    def proper(self, given: dict[str, str]) -> Answer:
        first, last = (datetime.fromisoformat(given[name]) for name in ("start_date", "end_date"))
        assert last - first <= timedelta(days=90)
        found = [told(n, at) for at, n in reversed(self.rows) if first <= at <= last]
        if self.pages:
            size = min(int(given["page_size"]), self.cap)
            found = found[(int(given["page"]) - 1) * size :]
            return 200, {}, json.dumps(found[:size]).encode()
        return 200, {}, json.dumps(found[: self.cap]).encode()


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[Foreign]:
    monkeypatch.setattr(asking.time, "sleep", lambda _seconds: None)
    found = Foreign()
    yield found
    found.http.shutdown()
    found.http.server_close()


def ids(path: Path) -> list[str]:
    return sorted(str(cells[0]) for _line, cells in files.lines(path, ["service_request_id"]))


@pytest.mark.parametrize("pages", [False, True])
def test_every_report_is_read_once_whatever_a_server_gives_at_a_time(
    foreign: Foreign, tmp_path: Path, pages: bool
) -> None:
    foreign.pages = pages
    path, windows = collect(foreign.server, tmp_path / "spool", START, END)
    assert ids(path) == [f"R{n:05d}" for n in range(2400)]
    assert not any(one.cut for one in windows)


def test_a_server_that_gives_fewer_than_the_mapping_says_is_read_to_its_last_page(
    foreign: Foreign, tmp_path: Path
) -> None:
    server = Server(url=foreign.server.url, pause=0.0, pages=True)
    foreign.pages, foreign.cap = True, 100
    path, _windows = collect(server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 2400


def test_windows_are_halved_at_what_the_mapping_says_a_server_gives(foreign: Foreign, tmp_path: Path) -> None:
    foreign.cap = 100
    path, windows = collect(foreign.server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 2400
    assert not any(one.cut for one in windows)


@pytest.mark.parametrize("pages", [False, True])
@pytest.mark.parametrize("cap", [20, 100, 999])
def test_a_server_that_gives_fewer_than_anybody_said_loses_nothing(
    foreign: Foreign, tmp_path: Path, cap: int, pages: bool
) -> None:
    """Also one that does not know the pages that the mapping says it knows."""
    foreign.cap = cap
    server = Server(url=foreign.server.url, pause=0.0, pages=pages)
    path, windows = collect(server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 2400
    assert not any(one.cut for one in windows)


def test_a_server_whose_pages_end_at_what_it_gives_at_once_loses_nothing(foreign: Foreign, tmp_path: Path) -> None:
    """The first 1,000 reports, in pages."""

    def first(given: dict[str, str]) -> Answer:
        status, headers, body = foreign.proper({**given, "page": "1", "page_size": "1000"})
        size = int(given["page_size"])
        found = json.loads(body)[(int(given["page"]) - 1) * size :][:size]
        return status, headers, json.dumps(found).encode()

    foreign.pages, foreign.answer = True, first
    path, windows = collect(foreign.server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 2400
    assert not any(one.cut for one in windows)


def test_little_is_asked_again_of_a_server_that_gives_all(foreign: Foreign, tmp_path: Path) -> None:
    """Halves for the first window, and for each that brings more than all before."""
    foreign.rows = foreign.rows[::5]
    path, _windows = collect(foreign.server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 480
    assert len(foreign.asked) <= 3 + 2 * 2


@pytest.mark.parametrize("zone", ["", "+00:00"])
def test_a_server_that_ignores_the_dates_is_not_asked_for_ever(foreign: Foreign, tmp_path: Path, zone: str) -> None:
    newest = [told(n, at) for at, n in foreign.rows[-100:]]
    for one in newest:
        one["requested_datetime"] = str(one["requested_datetime"]).removesuffix("+00:00") + zone
    foreign.answer = lambda _given: (200, {}, json.dumps(newest).encode())
    path, windows = collect(foreign.server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 100
    assert all(one.cut for one in windows), "it may have more: said, not silent"
    assert len(foreign.asked) < 100


def test_a_server_that_knows_days_alone_is_read_by_days(foreign: Foreign, tmp_path: Path) -> None:
    def by_day(given: dict[str, str]) -> Answer:
        first, last = given["start_date"][:10], given["end_date"][:10]
        found = [told(n, at) for at, n in foreign.rows if first <= at.date().isoformat() <= last]
        return 200, {}, json.dumps(found[:50]).encode()

    foreign.answer = by_day
    path, windows = collect(foreign.server, tmp_path / "spool", START, START + timedelta(days=60))
    assert len(ids(path)) == 12 * 60 + 12
    assert not any(one.cut for one in windows)
    busy = START.replace(hour=5) + timedelta(days=20)
    foreign.rows += [(busy + timedelta(minutes=n), 5000 + n) for n in range(60)]
    path, windows = collect(foreign.server, tmp_path / "again", START, START + timedelta(days=60))
    assert [one.start.date() for one in windows if one.cut]
    assert {one.start.date() for one in windows if one.cut} <= {(busy + timedelta(days=d)).date() for d in (-1, 0, 1)}
    assert len(foreign.asked) < 200


def test_what_an_older_rule_took_for_whole_is_asked_again(foreign: Foreign, tmp_path: Path) -> None:
    path, _windows = collect(foreign.server, tmp_path / "spool", START, END)
    state = tmp_path / "spool" / "state.json"
    state.write_text(
        json.dumps({name: value for name, value in json.loads(state.read_text()).items() if name != "rule"})
    )
    foreign.asked = []
    path, _windows = collect(foreign.server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 2400
    assert min(given["start_date"] for given in foreign.asked) < "2026-02"


@pytest.mark.parametrize("pages", [False, True])
def test_a_report_without_a_number_is_handed_on_to_be_listed(foreign: Foreign, tmp_path: Path, pages: bool) -> None:
    rows = [told(1, START), told(2, START), told(3, START)]
    rows[1]["service_request_id"] = rows[2]["service_request_id"] = None
    foreign.pages = pages
    foreign.answer = lambda given: (200, {}, json.dumps(rows if given.get("page", "1") == "1" else []).encode())
    path, _windows = collect(foreign.server, tmp_path / "spool", START, START + timedelta(days=1))
    assert ids(path) == ["", "", "R00001"]


def test_pages_that_a_server_does_not_know_end_in_halving(foreign: Foreign, tmp_path: Path) -> None:
    server = Server(url=foreign.server.url, pause=0.0, pages=True)
    path, _windows = collect(server, tmp_path / "spool", START, END)
    assert len(ids(path)) == 2400


def test_more_at_one_moment_than_a_server_gives_is_said(foreign: Foreign, tmp_path: Path) -> None:
    foreign.rows = [(START + timedelta(days=1), n) for n in range(1001)]
    path, windows = collect(foreign.server, tmp_path / "spool", START, START + timedelta(days=2))
    assert len(ids(path)) == 1000
    assert any(one.cut for one in windows)


def test_it_waits_as_asked_and_goes_on_where_it_stopped(foreign: Foreign, tmp_path: Path) -> None:
    said: list[str] = []
    calls = 0

    def busy(given: dict[str, str]) -> Answer:
        nonlocal calls
        calls += 1
        return (429, {"Retry-After": "7"}, b"slow") if calls == 1 else foreign.proper(given)

    foreign.answer = busy
    collect(foreign.server, tmp_path / "a", START, START + timedelta(days=10), said.append)
    assert said[0] == "answered 429: again in 7 s"
    foreign.answer = lambda given: foreign.proper(given) if given["start_date"] < "2026-03" else (503, {}, b"")
    with pytest.raises(Refused, match="goes on from here"):
        collect(foreign.server, tmp_path / "b", START, END)
    foreign.answer, foreign.asked = foreign.proper, []
    path, _windows = collect(foreign.server, tmp_path / "b", START, END)
    assert len(ids(path)) == 2400
    assert min(given["start_date"] for given in foreign.asked) > "2026-03", "what was read is not asked again"


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>"),
        (200, {}, b'{"a": 1}'),
        (200, {}, b'[{"code": 400, "description": "no such city"}]'),
        (200, {}, b"[" * 100_000),
        (404, {}, b""),
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
    ],
)
def test_what_is_no_answer_is_refused(foreign: Foreign, tmp_path: Path, answer: Answer) -> None:
    foreign.answer = lambda _given: answer
    with pytest.raises(Refused):
        collect(foreign.server, tmp_path / "spool", START, END)


def test_xml_is_read_and_entities_are_not(foreign: Foreign, tmp_path: Path) -> None:
    row = "<request><service_request_id>7</service_request_id><status>open</status><lat>16</lat></request>"
    foreign.answer = lambda _given: (200, {}, f"<service_requests>{row}</service_requests>".encode())
    server = Server(url=foreign.server.url, pause=0.0, format="xml")
    path, _windows = collect(server, tmp_path / "a", START, START + timedelta(days=1))
    assert ids(path) == ["7"]
    foreign.answer = lambda _given: (200, {}, b'<!DOCTYPE x [<!ENTITY a "aa">]><service_requests/>')
    with pytest.raises(Refused, match="entities"):
        collect(server, tmp_path / "b", START, START + timedelta(days=1))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_entities_hide_in_no_other_encoding(foreign: Foreign, tmp_path: Path, encoding: str) -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "many">]><service_requests><request>'
        "<service_request_id>&a;</service_request_id></request></service_requests>"
    )
    foreign.answer = lambda _given: (200, {}, text.encode(encoding))
    server = Server(url=foreign.server.url, pause=0.0, format="xml")
    with pytest.raises(Refused):
        collect(server, tmp_path / "a", START, START + timedelta(days=1))


def test_half_a_character_is_left_out_and_the_rest_is_read(foreign: Foreign, tmp_path: Path) -> None:
    body = b'[{"service_request_id": "R1\\ud800", "description": "\\udc00den\\u0000"}]'
    foreign.answer = lambda _given: (200, {}, body)
    path, _windows = collect(foreign.server, tmp_path / "a", START, START + timedelta(days=1))
    assert ids(path) == ["R1"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "city", ""])
def test_only_the_web_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadInput):
        collect(Server(url=url), tmp_path, START, END)


@pytest.mark.django_db
def test_a_dry_run_names_what_is_not_mapped_and_loading_twice_adds_nothing(foreign: Foreign, tmp_path: Path) -> None:
    path, _windows = collect(foreign.server, tmp_path / "spool", START, START + timedelta(days=3))
    mapping = tmp_path / "open311.yaml"
    text = data_path("mappings", "open311.yaml").read_text(encoding="utf-8")
    mapping.write_text(text.replace("street_light: street_light", "lamp: street_light"), encoding="utf-8")
    dry = load(path, mapping, "other", dry_run=True)
    assert not Report.objects.exists()
    assert dry["unmapped"] == ["odd"]
    assert dry["categories"]["lamp"]["becomes"] == "street_light"
    assert dry["categories"]["odd"] == {"rows": dry["rejected"], "becomes": None}
    assert dry["statuses"]["closed"]["becomes"] == "closed"
    assert dry["columns"]["service_code"]["rejected"] == dry["rejected"] > 0
    wet, again = load(path, mapping, "other"), load(path, mapping, "other")
    assert wet["loaded"] == again["already"] == dry["loaded"] == Report.objects.count()
    shown = Content.objects.values_list("public_words", flat=True)
    assert len(shown) == wet["loaded"]
    assert not [words for words in shown if "0905" in words]
