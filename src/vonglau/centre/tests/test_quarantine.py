"""Quarantine: seen, mended, handed to the door, or discarded. The log is real; the door's HTTP stands in front of it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from vonglau.centre.quarantine.reasons import reason_words
from vonglau.centre.tests.conftest import Sign
from vonglau.core import audit
from vonglau.core.errors import Unavailable
from vonglau.core.events import Event, Fault
from vonglau.core.log import Rejected
from vonglau.core.worlds import World
from vonglau.engines import open_writer
from vonglau.kit import door

pytestmark = pytest.mark.django_db

EVIL = b'{"id": "1", "source": "<script>alert(1)</script>", "type": "x", "time": "yesterday\x00\xff"}'


@pytest.fixture
def log(city: World, tmp_path: Path) -> Iterator[Any]:
    writer = open_writer(tmp_path)
    yield writer
    writer.close()


@pytest.fixture
def number(log: Any) -> int:
    fault = Fault("/time", "Not a time: <b>use</b> RFC 3339 with a zone")
    (receipt,) = log.append([Rejected(EVIL, fault, "drill-1", "1", "<script>")], by="token:demo")
    return int(receipt.quarantine_id)


@pytest.fixture
def served(log: Any, settings: Any, tmp_path: Path) -> Iterator[list[tuple[str, str, bytes]]]:
    """The door's two internal addresses over real HTTP, settling in the real log; it remembers what it was asked."""
    settings.VONGLAU_SECRETS = tmp_path
    (tmp_path / "door.token").touch(0o600)
    (tmp_path / "door.token").write_text("secret-of-the-house")
    asked: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, self.headers["Authorization"], body))
            number, verb = int(self.path.split("/")[3]), self.path.rsplit("/", 1)[1]
            status, said = self.answer(number, verb, body)
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def answer(self, number: int, verb: str, body: bytes) -> tuple[int, dict[str, Any]]:
            if verb == "discard":
                log.settle(number, "discarded")
                return 200, {}
            plain = json.loads(body)
            if "T" not in str(plain.get("time", "T")):
                return 422, {"pointer": "/time", "reason": "Still not a time."}
            event = Event(id=plain["id"], source=plain["source"], type=plain["type"], time_us=1, world="drill-1")
            log.settle(number, "resubmitted", event)
            return 202, {"accepted": 1}

        def log_message(self, *_: Any) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.VONGLAU_DOOR = f"http://127.0.0.1:{server.server_port}"
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_was_sent_is_shown_as_text(sign_in: Sign, number: int) -> None:
    client = sign_in("operator")
    for address in ("/quarantine/", f"/quarantine/{number}/"):
        page = client.get(address).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page
        assert "<b>use</b>" not in page
        assert "\x00" not in page
    assert "/time" in page
    assert "\\xff" in page


def test_mended_it_goes_through_the_door_and_is_remembered(sign_in: Sign, number: int, served: Any, log: Any) -> None:
    client = sign_in("operator")
    mended = '{"id": "1", "source": "s", "type": "x", "time": "2026-11-23T09:00:00+07:00"}'
    answer = client.post(f"/quarantine/{number}/", {"event": mended}, follow=True)
    assert "đã vào nhật ký sự kiện" in answer.content.decode()
    assert served == [(f"/api/quarantine/{number}/resubmit", "Bearer secret-of-the-house", mended.encode())]
    _row, body = audit.rows(f"quarantine/{number}")[0]
    assert (body["step"], body["who"]) == ("resubmit", "operator.tt")
    assert "yesterday" not in json.dumps(body)
    assert f">{number}</a>" in client.get("/quarantine/?state=resubmitted").content.decode()
    assert f">{number}</a>" not in client.get("/quarantine/").content.decode()


def test_what_is_still_wrong_stands_beside_the_field(sign_in: Sign, number: int, served: Any) -> None:
    answer = sign_in("operator").post(f"/quarantine/{number}/", {"event": '{"id": "1", "time": "soon"}'})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Still not a time." in page
    assert "&quot;soon&quot;" in page


@pytest.mark.parametrize(
    ("typed", "told"), [("{", "dòng 1"), ("[]", "đối tượng JSON"), ("", "trống"), ("[" * 9000, "JSON")]
)
def test_what_is_no_event_never_reaches_the_door(
    sign_in: Sign, number: int, served: Any, typed: str, told: str
) -> None:
    answer = sign_in("operator").post(f"/quarantine/{number}/", {"event": typed})
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert served == []


def test_discarded_it_stays_visible(sign_in: Sign, number: int, served: Any) -> None:
    client = sign_in("supervisor")
    client.post(f"/quarantine/{number}/", {"discard": "1", "event": "ignored"})
    assert served[0][0] == f"/api/quarantine/{number}/discard"
    page = client.get(f"/quarantine/{number}/").content.decode()
    assert "Đã bỏ" in page
    assert "<textarea" not in page


def test_without_a_door_nothing_typed_is_lost(sign_in: Sign, number: int) -> None:
    answer = sign_in("operator").post(f"/quarantine/{number}/", {"event": '{"id": "typed by hand"}'})
    assert answer.status_code == 503
    assert "typed by hand" in answer.content.decode()


@pytest.mark.parametrize(
    ("said", "vietnamese"),
    [
        ("Object missing required field `id`.", "Thiếu trường bắt buộc “id”."),
        ("`lat` is off the Earth: it must lie between -90 and 90 degrees (WGS 84).", "phải từ -90 đến 90 độ"),
        (
            "Expected `float`, got `str`, in `data` of type vn.x.",
            "Cần kiểu float, nhận được str. (trong data của loại vn.x)",
        ),
        ("`{0.__class__}` is empty: give it a value or leave it out.", "“{0.__class__}” trống"),
        ("Something nobody foresaw.", "Something nobody foresaw."),
    ],
)
def test_reasons_are_said_in_vietnamese_as_far_as_they_are_known(said: str, vietnamese: str) -> None:
    with translation.override("vi"):
        assert vietnamese in reason_words(said)
    with translation.override("en"):
        assert reason_words(said) == said


def test_only_who_may_mend_sees_it_and_only_in_its_world(sign_in: Sign, number: int, log: Any) -> None:
    (receipt,) = log.append([Rejected(b"?", Fault("", "no"), "live")])
    assert sign_in("operator").get(f"/quarantine/{receipt.quarantine_id}/").status_code == 404
    assert sign_in("operator").get("/quarantine/99999999999999999999/").status_code == 404
    for role, of in (("leader", ""), ("agency", "so-xay-dung")):
        assert sign_in(role, of).get(f"/quarantine/{number}/").status_code == 403


def test_a_door_that_is_not_there_is_unavailable(settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA = tmp_path
    settings.VONGLAU_DOOR = f"unix:{tmp_path}/no.sock"
    with pytest.raises(Unavailable):
        door.discard(1)
    settings.VONGLAU_SECRETS = tmp_path
    (tmp_path / "door.token").touch(0o600)
    (tmp_path / "door.token").write_text("x")
    with pytest.raises(Unavailable):
        door.discard(1)
    settings.VONGLAU_DOOR = "ftp://nowhere"
    with pytest.raises(Unavailable):
        door.discard(1)
