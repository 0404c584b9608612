"""What is offered beyond GeoReport v2, each only when it is asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.gateways.open311.tests.conftest import Send, step
from vonglau.kit import tokens
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import PublicReport, Report
from vonglau.services.field_reports.published import asking

BASE = "/open311/v2"


def get(path: str = "requests.json", **query: Any) -> Any:
    return Client().get(f"{BASE}/{path}", query)


def ids(answer: Any) -> list[str]:
    return [one["service_request_id"] for one in answer.json()]


# ---------------------------------------------------------------------------------------------- boxes


@pytest.fixture
def spread(send: Send) -> dict[str, str]:
    """Three reports: by the river, on the beach, and in words only."""
    made = {}
    for name, lat, long in (("river", "16.0605", "108.2205"), ("beach", "16.0600", "108.2460"), ("words", None, None)):
        [told] = send(lat=lat, long=long).json()
        made[name] = told["service_request_id"]
    return made


@pytest.mark.parametrize(
    ("bbox", "names"),
    [
        ("108.22,16.06,108.23,16.07", {"river"}),
        ("108.20,16.00,108.30,16.10", {"river", "beach"}),
        (" 108.20 , 16.00 , 108.30 , 16.10 ", {"river", "beach"}),
        ("108.2205,16.0605,108.2205,16.0605", {"river"}),
        ("-180,-90,180,90", {"river", "beach"}),
        ("108.24,15,-170,17", {"beach"}),
        ("0,0,1,1", set()),
        ("", {"river", "beach", "words"}),
    ],
)
@pytest.mark.parametrize("few", [0, 2_000])
def test_a_box_on_the_map(
    spread: dict[str, str], bbox: str, names: set[str], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it holds few reports, which the index names, or many."""
    monkeypatch.setattr(asking, "FEW", few)
    assert set(ids(get(bbox=bbox))) == {spread[name] for name in names}


@pytest.mark.parametrize(
    "bbox", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1,,2,3", "0,10,1,5", "0,0,181,1", "0,nan,1,1", "1e999,0,1,1", ",,,"]
)
def test_a_box_that_is_none(key: str, bbox: str) -> None:
    answer = get(bbox=bbox)
    assert answer.status_code == 400
    assert answer.json()[0]["code"] == 400


def test_boxes_have_an_index() -> None:
    assert ("world", "cell") in {tuple(index.fields)[:2] for index in PublicReport._meta.indexes}


# ---------------------------------------------------------------------------------------------- what changed since


def test_what_changed_since_however_old_it_is(send: Send) -> None:
    send(), send(), send()
    first, second, third = Report.objects.order_by("id")
    factories.agency()
    Report.objects.filter(pk=first.pk).update(received_at=datetime.now(UTC) - timedelta(days=300))
    before = datetime.now(UTC)
    step(second, "verify")
    step(first, "verify")
    changed = get(updated_after=before.isoformat())
    assert ids(changed) == [second.reference, first.reference], "the longest ago first, beyond the 90 days"
    last = changed.json()[-1]["updated_datetime"]
    assert third.reference not in ids(changed)
    assert ids(get(updated_after=(datetime.now(UTC) + timedelta(seconds=1)).isoformat())) == []
    assert last >= changed.json()[0]["updated_datetime"]
    recent = (before - timedelta(days=1)).isoformat()
    assert ids(get(updated_after=before.isoformat(), start_date=recent)) == [second.reference]
    assert ids(get(updated_after=before.isoformat(), page_size=1, page=2)) == [first.reference]
    assert get(updated_after="yesterday").status_code == 400


def test_a_merged_report_changes_with_its_keeper(send: Send) -> None:
    send(), send()
    first, second = Report.objects.order_by("id")
    step(second, "merge", keeper=first.incident.ref)
    before = datetime.now(UTC)
    step(first, "verify")
    assert set(ids(get(updated_after=before.isoformat()))) == {first.reference, second.reference}


def test_a_drills_clock_is_not_the_walls(send: Send) -> None:
    """A drill that plays another day: its steps are found by the moments that its own clock showed."""
    start = datetime(2026, 3, 2, 1, tzinfo=UTC)
    ensure_world("drill-9", WorldKind.DRILL, "48", clock_start=start, clock_set_at=datetime.now(UTC), clock_rate=60.0)
    drill = tokens.mint("drill", ["reports:write"], "drill-9")[0]
    [told] = send(api_key=drill).json()
    assert ids(get(api_key=drill, updated_after=start.isoformat())) == [told["service_request_id"]]
    assert ids(get(api_key=drill, updated_after="2026-03-03T00:00:00Z")) == []
    assert ids(get(updated_after=start.isoformat())) == [], "the live world has none"


# ---------------------------------------------------------------------------------------------- extensions=true


def test_extensions_tell_the_real_state_the_deadlines_and_what_happened(send: Send) -> None:
    answers = {"attribute[fault]": "dark", "attribute[post_number]": "nhà anh Nam 0905123456", "attribute[lamps]": "2"}
    send(**answers)
    report = Report.objects.get()
    factories.agency()
    plain = get().json()[0]
    assert not {"attributes", "extended_attributes", "notes"} & plain.keys()
    [told] = get(extensions="true").json()
    assert told["attributes"] == [], "nobody has verified them"
    assert told["extended_attributes"]["state"] == "received"
    assert told["notes"] == []
    step(report, "verify")
    step(report, "assign", agency="xay-dung")
    step(report, "start")
    step(report, "resolve", outcome="planned", why="chờ vật tư", planned_for=datetime(2026, 12, 1, tzinfo=UTC).date())
    [told] = get(extensions="true").json()
    assert told["attributes"] == [{"code": "fault", "values": ["dark"]}, {"code": "lamps", "values": ["2"]}]
    more = told["extended_attributes"]
    assert (more["state"], more["outcome"], more["planned_for"]) == ("resolved", "planned", "2026-12-01")
    assert more["handle_due"].endswith("+07:00")
    assert (more["channel"], more["reopened"], more["duplicate"]) == ("open311", 0, False)
    assert [note["type"] for note in told["notes"]] == ["verify", "assign", "start", "resolve"]
    assert "Sở Xây dựng" in told["notes"][1]["description"]
    body = str(told)
    assert "0905123456" not in body, "free words in an answer may name anybody"
    assert "chờ vật tư" not in body, "what staff write among themselves"
    root = ET.fromstring(get("requests.xml", extensions="true").content)
    assert [note.findtext("type") for note in root.findall("request/notes/note")] == [
        note["type"] for note in told["notes"]
    ]
    assert root.findtext("request/attributes/attribute/values/value") == "dark"
    assert root.findtext("request/extended_attributes/state") == "resolved"


def test_notes_of_a_merged_report_are_its_keepers_too(send: Send) -> None:
    send(), send()
    first, second = Report.objects.order_by("id")
    step(second, "merge", keeper=first.incident.ref)
    step(first, "verify")
    [told] = get(extensions="true", service_request_id=second.reference).json()
    assert [note["type"] for note in told["notes"]] == ["merge", "verify"]
    assert told["extended_attributes"]["duplicate"] is True


def test_extensions_ask_the_database_as_often_for_many_as_for_few(send: Send) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            send()
            step(Report.objects.latest("id"), "verify")
        with CaptureQueriesContext(connection) as asked:
            assert get(extensions="true").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("value", ["yes", "1", "TRUE"])
def test_extensions_are_true_or_false(key: str, value: str) -> None:
    assert get(extensions=value).status_code == 400
    assert get(extensions="false").status_code == 200


# ---------------------------------------------------------------------------------------------- as rows grow


def test_what_changed_is_found_by_an_index_not_by_reading(send: Send) -> None:
    """Rows that changed before are not read, nor the audit, however many there are."""
    factories.live()
    reporter = Actor("token:app", "reporter", world="live")
    for _ in range(40):
        intake.receive(intake.Submission(world="live", category="waste", source="open311"), reporter)
    PublicReport.objects.update(updated_at=datetime.now(UTC) - timedelta(days=200))
    step(Report.objects.latest("id"), "verify")
    since = datetime.now(UTC) - timedelta(minutes=1)
    with CaptureQueriesContext(connection) as asked:
        assert len(ids(get(updated_after=since.isoformat()))) == 1
    assert not [query["sql"] for query in asked if "core_auditrow" in query["sql"]]
    assert ("world", "updated_at") in {tuple(index.fields)[:2] for index in PublicReport._meta.indexes}
