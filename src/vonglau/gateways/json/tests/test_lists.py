"""The log, quarantine, alerts, indicators and worlds over the API, and what every wrong question gets."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core import audit
from vonglau.core.alert_models import Alert
from vonglau.core.events import Event, Fault, to_us
from vonglau.core.incidents import desk
from vonglau.core.incidents.desk import Details
from vonglau.core.log import Rejected
from vonglau.core.seams import indicators
from vonglau.core.tests import factories
from vonglau.engines import open_writer
from vonglau.gateways.json import events as events_module
from vonglau.gateways.json.indicators import decimal
from vonglau.gateways.json.tests.conftest import Ask
from vonglau.kit import documents, door

Account = Callable[..., Client]
MEND = "quarantine:write"
DATA = b'{"speed": 1.50, "big": 12345678901234567890, "name": "C\xe1\xba\xa7u R\xe1\xbb\x93ng"}'


@pytest.fixture
def log(city: None, tmp_path: Path) -> Iterator[Any]:
    events_module._reader.cache_clear()
    writer = open_writer(tmp_path)
    yield writer
    events_module._reader.cache_clear()
    writer.close()


def event(number: int, world: str = "drill-1", **more: Any) -> Event:
    fields = {"id": str(number), "source": "/s", "type": "x.y", "time_us": to_us(factories.MONDAY) + number, **more}
    return Event(world=world, **fields)


# ---------------------------------------------------------------------------------------------- the log


def test_events_come_back_as_they_were_sent(log: Any, ask: Ask) -> None:
    log.append([event(1, data=DATA, subject="cầu", lon=108.25, lat=16.5, extensions={"traceparent": "00-1", "n": 3})])
    answer = ask("GET", "/api/events")
    assert DATA in answer.content, "byte for byte"
    [told] = answer.json()["items"]
    assert (told["id"], told["source"], told["subject"], told["lon"], told["exercise"]) == (
        "1",
        "/s",
        "cầu",
        "108.25",
        "drill-1",
    )
    assert (told["time"], told["traceparent"], told["n"]) == ("2026-11-23T01:00:00.000001Z", "00-1", 3)
    assert told["position"] == 1


def test_the_log_pages_by_position_and_filters(log: Any, ask: Ask) -> None:
    log.append([event(n, type="a" if n % 3 else "b") for n in range(10)] + [event(99, world="live")])
    seen, after = [], 0
    while True:
        page = ask("GET", "/api/events", limit=4, after=after).json()
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == [str(n) for n in range(10)]
    assert [one["id"] for one in ask("GET", "/api/events", type="b").json()["items"]] == ["0", "3", "6", "9"]
    assert [one["id"] for one in ask("GET", "/api/events", before=3).json()["items"]] == ["0", "1"]
    [live] = ask("GET", "/api/events", in_world="live", scopes="events:read").json()["items"]
    assert "exercise" not in live
    assert ask("GET", "/api/events", scopes="incidents:write").status_code == 403


def test_without_a_log_it_is_not_available(ask: Ask) -> None:
    events_module._reader.cache_clear()
    answer = ask("GET", "/api/events")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


# ---------------------------------------------------------------------------------------------- quarantine


def quarantine(log: Any, raw: bytes, world: str = "drill-1") -> int:
    [receipt] = log.append([Rejected(raw, Fault("/time", "No zone."), world, "1", "/s")], by="token:a")
    return int(receipt.quarantine_id)


def test_quarantine_is_seen_with_what_was_sent(log: Any, ask: Ask) -> None:
    text, other = quarantine(log, b'{"id": "<script>"}'), quarantine(log, b"\xff\x00")
    quarantine(log, b"{}", "live")
    page = ask("GET", "/api/quarantine", scopes=MEND).json()
    assert [one["id"] for one in page["items"]] == [text, other]
    assert page["items"][0]["pointer"] == "/time"
    assert ask("GET", f"/api/quarantine/{text}", scopes=MEND).json()["raw"] == '{"id": "<script>"}'
    assert ask("GET", f"/api/quarantine/{other}", scopes=MEND).json()["raw_base64"] == "/wA="
    assert ask("GET", f"/api/quarantine/{other}", scopes=MEND, in_world="live").status_code == 404
    assert ask("GET", "/api/quarantine", scopes=MEND, state="discarded").json()["items"] == []
    assert ask("GET", "/api/quarantine", scopes="read").status_code == 200, "a sender sees why an item was kept back"
    assert ask("POST", f"/api/quarantine/{text}/discard", scopes="read").status_code == 403
    for scopes in ("incidents:write", "events:write"):
        assert ask("GET", "/api/quarantine", scopes=scopes).status_code == 403


def test_settling_goes_through_the_door_and_is_audited(log: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bytes, str]] = []

    def post(path: str, body: bytes = b"", *, content_type: str = "", by: str = "") -> door.Answer:
        asked.append((path, body, by))
        if b"bad" in body:
            return door.Answer(422, {"detail": "No zone.", "pointer": "/time"})
        if path.endswith("discard"):
            log.settle(int(path.split("/")[3]), "discarded")
            return door.Answer(200, {})
        receipt = log.settle(int(path.split("/")[3]), "resubmitted", event(5))
        return door.Answer(200, {"pos": receipt.pos})

    monkeypatch.setattr(door, "post", post)
    one, two = quarantine(log, b"{one}"), quarantine(log, b"{two}")
    refused = ask("POST", f"/api/quarantine/{one}/resubmit", {"id": "bad"}, scopes=MEND)
    assert (refused.status_code, refused.json()["pointer"]) == (422, "/time")
    assert ask("POST", f"/api/quarantine/{one}/resubmit", {"id": "5"}, scopes=MEND).json()["position"] == 1
    assert ask("POST", f"/api/quarantine/{one}/resubmit", {"id": "5"}, scopes=MEND).status_code == 409
    assert ask("POST", f"/api/quarantine/{two}/discard", scopes=MEND).json()["state"] == "discarded"
    assert [by for _path, _body, by in asked] == ["token:t0"] * 3
    [(_row, body)] = audit.rows(f"quarantine/{one}")
    assert (body["step"], body["who"]) == ("resubmit", "token:t0")
    assert len(body["before"]) == len(body["after"]) == 64
    assert list(audit.verify_streams()) == []


def test_without_a_door_nothing_is_settled(log: Any, ask: Ask) -> None:
    number = quarantine(log, b"{}")
    assert ask("POST", f"/api/quarantine/{number}/discard", scopes=MEND).status_code == 503
    assert audit.rows(f"quarantine/{number}") == []


# ---------------------------------------------------------------------------------------------- alerts


def alert(number: int, **more: Any) -> Alert:
    at = factories.MONDAY + timedelta(minutes=number)
    fields: dict[str, Any] = {
        "world": "drill-1", "identity": f"a{number}", "service": "traffic", "detector": "d", "kind": "k", "severity": "Severe",
        "urgency": "Immediate", "certainty": "Observed", "rank": 3, "onset": at, "updated": at, "subject": "cầu",
        "ward": "20194", "facts": {"seen": 1.5}, "series": [[1, 2.0]], "evidence": [4], **more,
    }  # fmt: skip
    return Alert.objects.create(**fields)


def test_alerts_newest_first_with_filters(ask: Ask) -> None:
    alert(1), alert(2, ended=factories.MONDAY, kind="z"), alert(3, ward="20195"), alert(4, world="live")

    def found(**query: Any) -> list[str]:
        return [one["identity"] for one in ask("GET", "/api/alerts", **query).json()["items"]]

    assert found() == ["a3", "a2", "a1"]
    assert (found(state="open"), found(state="ended"), found(kind="z")) == (["a3", "a1"], ["a2"], ["a2"])
    assert (found(ward="20195"), found(since="2026-11-23T01:02:00Z")) == (["a3"], ["a3", "a2"])
    told = ask("GET", "/api/alerts/a1").json()
    assert (told["series"], told["evidence"], told["state"]) == ([[1, 2.0]], [4], "open")
    assert ask("GET", "/api/alerts/a4").status_code == 404
    assert ask("GET", "/api/alerts", scopes="incidents:write").status_code == 403


# ---------------------------------------------------------------------------------------------- indicators


def test_a_value_says_what_it_is_made_of(ask: Ask) -> None:
    agency = factories.agency()
    start = factories.MONDAY - timedelta(days=7)
    for number in range(3):
        found = factories.incident(world="drill-1", at=start)
        for step, more in (
            ("verify", {}), ("assign", {"agency": agency.code}), ("start", {}),
            ("resolve", {"outcome": "fixed" if number else "explained", "why": "x"}),
        ):  # fmt: skip
            at = start + timedelta(hours=1) if number < 2 else factories.MONDAY - timedelta(hours=1)
            if step == "resolve":
                factories.prove(found)
            desk.take("drill-1", found.ref, step, factories.SUPERVISOR, Details(**more), at=at)
    period = {"start": "2026-11-01", "end": "2026-11-30"}
    told = ask("GET", "/api/indicators/fixed_share", **period).json()
    assert (told["numerator"], told["denominator"], told["ratio"]) == (2, 3, "0.666666666667")
    assert told["period"] == {"start": "2026-10-31T17:00:00Z", "end": "2026-11-23T01:00:00.000001Z"}
    assert (told["provenance"], told["world"], told["frame"]) == ("measured", "drill-1", "current")
    for part, number in (("numerator", 2), ("denominator", 3)):
        rows = ask("GET", "/api/indicators/fixed_share/rows", part=part, limit=1000, **period).json()["items"]
        assert len(rows) == number
    one = ask("GET", "/api/indicators/fixed_share/rows", limit=2, **period).json()
    rest = ask("GET", "/api/indicators/fixed_share/rows", limit=2, after=one["next"], **period).json()
    assert (len(one["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    empty = ask("GET", "/api/indicators/fixed_share", start="2020-01-01", end="2020-01-02").json()
    assert (empty["ratio"], empty["denominator"]) == (None, 0)


def test_every_indicator_answers_and_equals_its_rows(ask: Ask) -> None:
    factories.incident(world="drill-1", at=factories.MONDAY - timedelta(days=9))
    listed = ask("GET", "/api/indicators").json()["items"]
    assert [one["code"] for one in listed] == list(indicators())
    assert not [one for one in listed if "%(" in one["definition"]]
    for code in indicators():
        told = ask("GET", f"/api/indicators/{code}", start="2026-11-01").json()
        for part in ("numerator", "denominator"):
            if indicators()[code].row is not None:  # what stands under it are no incidents
                answer = ask("GET", f"/api/indicators/{code}/rows", part=part, start="2026-11-01")
                assert (answer.status_code, "incidents" in answer.json()["detail"]) == (404, True)
            elif told["scale"] == 1 and told[part] is not None:
                rows = ask("GET", f"/api/indicators/{code}/rows", part=part, start="2026-11-01", limit=1000).json()
                assert len(rows["items"]) == told[part], (code, part)


def test_programs_read_english_unless_they_ask(ask: Ask, account: Account) -> None:
    def title(**more: Any) -> str:
        return str(ask("GET", "/api/indicators", **more).json()["items"][0]["title"])

    assert title(headers={"Accept-Language": "vi-VN"}) == title(client=account("leader")) == "Xử lý đúng hạn"


@pytest.mark.parametrize(
    "query",
    [
        {"start": "2026-11-02", "end": "2026-11-01"},
        {"start": "2026-11-02T00:00:00"},
        {"frame": "yesterday"},
        {"end": "9999-12-31"},
    ],
)
def test_a_period_that_cannot_be_is_named(ask: Ask, query: dict[str, str]) -> None:
    answer = ask("GET", "/api/indicators/received", **query)
    assert answer.status_code == 400
    assert answer.json()["pointer"].startswith("/query/")


@given(st.fractions(min_value=-(10**6), max_value=10**6))
def test_a_decimal_is_the_ratio_to_its_last_digit(ratio: Fraction) -> None:
    text = decimal(ratio)
    assert text is not None
    assert abs(Fraction(text) - ratio) <= Fraction(1, 2 * 10**12)
    assert "e" not in text
    assert not text.endswith(".")


def test_worlds_with_their_clocks(ask: Ask, account: Account) -> None:
    [own] = ask("GET", "/api/worlds").json()["items"]
    assert (own["id"], own["kind"], own["now"]) == ("drill-1", "drill", "2026-11-23T01:00:00Z")
    assert [one["id"] for one in ask("GET", "/api/worlds", client=account("operator")).json()["items"]] == [
        "drill-1",
        "live",
    ]


# ---------------------------------------------------------------------------------------------- wrong questions


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("GET", "/api/nothing", {}, 404),
        ("GET", "/api/", {}, 404),
        ("GET", "/api/incidents/SV-0000-0000", {}, 404),
        ("GET", "/api/indicators/nope", {}, 404),
        ("PUT", "/api/incidents", {}, 405),
        ("GET", "/api/incidents", {"limit": 0}, 422),
        ("GET", "/api/incidents", {"limit": 1001}, 422),
        ("GET", "/api/incidents", {"limit": "many"}, 422),
        ("GET", "/api/incidents", {"order": "size"}, 422),
        ("GET", "/api/incidents", {"state": "lost"}, 400),
        ("GET", "/api/incidents", {"after": "!"}, 400),
        ("GET", "/api/incidents", {"after": "W10"}, 400),
        ("GET", "/api/incidents", {"after": "é"}, 400),
        ("GET", "/api/events", {"after": "-1"}, 422),
        ("GET", "/api/events", {"after": str(2**63)}, 422),
        ("GET", "/api/quarantine/99999999999999999999", {}, 422),
        ("GET", "/api/alerts", {"since": "soon"}, 422),
    ],
)
def test_wrong_questions_get_problems(ask: Ask, method: str, path: str, query: dict[str, Any], status: int) -> None:
    answer = ask(method, path, scopes="read,quarantine:write", **query)
    assert answer.status_code == status, answer.content
    if status == 422:
        assert answer.json()["errors"]
        assert answer.json()["pointer"].startswith("/")
    if status == 405:
        assert answer["Allow"]


@given(st.text(max_size=40))
@pytest.mark.django_db
def test_no_cursor_breaks_a_list(cursor: str) -> None:
    from vonglau.core.errors import BadInput
    from vonglau.core.incidents.models import Incident
    from vonglau.kit.paging import Order, encode, page

    for order in (Order("due_at", nullable=True), Order("received_at", descending=True), Order("id")):
        for text in (cursor, encode(order, cursor, 1), encode(order, None, 1)):
            try:
                page(Incident.objects.all(), order, after=text)
            except BadInput:
                continue


def test_the_document_names_everything_and_the_page_needs_no_script(city: None) -> None:
    document = Client().get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"get", "post"} <= document["paths"]["/api/events"].keys()
    assert "get" in document["paths"]["/api/stream"]
    references = json.dumps(document).split('"$ref": "#/components/schemas/')[1:]
    assert {one.split('"', 1)[0] for one in references} <= document["components"]["schemas"].keys()
    page = Client().get("/api/docs")
    text = page.content.decode()
    assert "default-src 'none'" in page["Content-Security-Policy"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in text
    for kind in documents.kinds():
        assert f'id="{documents.slug(kind)}"' in text
    main = text[text.index("<main") : text.index("</main>")]
    assert "<script" not in main
    assert " style=" not in main
    assert "onclick" not in main
