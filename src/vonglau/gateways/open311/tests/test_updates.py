"""Service request updates in FixMyStreet's format, spoken as its client speaks it: XML, forms, its names of arguments."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from vonglau.core import audit
from vonglau.core.audit_models import AuditRow, Note
from vonglau.core.incidents.models import Evidence
from vonglau.core.incidents.timeline import timeline
from vonglau.core.tests import factories
from vonglau.gateways.open311.tests.conftest import Send, step
from vonglau.gateways.open311.tests.test_sending import picture
from vonglau.kit import tokens
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.models import Report

BASE = "/open311/v2"
PATH = f"{BASE}/servicerequestupdates"
WORDS = "Đèn vẫn tắt, gọi chị Lan 0905 999 888"


def get(format: str = "json", **query: Any) -> Any:
    return Client().get(f"{PATH}.{format}", query)


def fixmystreet(key: str, reference: str, **changed: Any) -> Any:
    """An update as FixMyStreet's client posts it, with some fields changed (None: left out)."""
    fields = {
        "jurisdiction_id": "",
        "api_key": key,
        "update_id_ext": "1001",
        "updated_datetime": datetime.now(UTC).isoformat(timespec="seconds"),
        "service_request_id": reference,
        "service_request_id_ext": "77",
        "status": "OPEN",
        "email": "lan@example.vn",
        "description": WORDS,
        "public_anonymity_required": "TRUE",
        "first_name": "Lan",
        "last_name": "Trần",
        **changed,
    }
    form = {name: value for name, value in fields.items() if value is not None}
    return Client().post(f"{PATH}.xml", form)


@pytest.fixture
def report(send: Send) -> Report:
    factories.agency()
    send()
    return Report.objects.get()


def resolved(report: Report) -> None:
    step(report, "verify")
    step(report, "assign", agency="xay-dung")
    step(report, "start")
    factories.prove(report.incident)
    step(report, "resolve", outcome="fixed", why="đã thay bóng")


def state(report: Report) -> str:
    report.incident.refresh_from_db()
    return str(report.incident.state)


# ---------------------------------------------------------------------------------------------- reading


def test_each_step_is_an_update_in_both_formats(report: Report) -> None:
    resolved(report)
    told = get().json()
    assert [one["status"] for one in told] == ["INVESTIGATING", "INVESTIGATING", "IN_PROGRESS", "FIXED"]
    assert [one["external_status_code"] for one in told] == ["verified", "assigned", "in_progress", "fixed"]
    assert {one["service_request_id"] for one in told} == {report.reference}
    assert len({one["update_id"] for one in told}) == 4
    assert "Sở Xây dựng" in told[1]["description"]
    assert "đã thay bóng" not in json.dumps(told, ensure_ascii=False), "what staff write among themselves"
    assert all(datetime.fromisoformat(one["updated_datetime"]).tzinfo for one in told)
    root = ET.fromstring(get("xml").content)
    assert root.tag == "service_request_updates"
    assert [one.tag for one in root] == ["request_update"] * 4
    assert [one.findtext("update_id") for one in root] == [one["update_id"] for one in told]


def test_the_period_asked_for_is_the_period_told(report: Report) -> None:
    step(report, "verify")
    now = datetime.now(UTC)
    assert len(get(start_date=(now - timedelta(hours=2)).isoformat(), end_date=now.isoformat()).json()) == 1
    later = {"start_date": (now + timedelta(minutes=1)).isoformat(), "end_date": (now + timedelta(hours=1)).isoformat()}
    assert get(**later).json() == []
    too_long = {"start_date": (now - timedelta(days=91)).isoformat(), "end_date": now.isoformat()}
    assert get(**too_long).status_code == 400


def test_a_keepers_steps_are_told_of_each_report_merged_into_it(send: Send, report: Report) -> None:
    send()
    other = Report.objects.latest("id")
    step(other, "merge", keeper=report.incident.ref)
    step(report, "verify")
    told = get().json()
    assert [(one["service_request_id"], one["status"]) for one in told] == [
        (other.reference, "DUPLICATE"),
        (report.reference, "INVESTIGATING"),
        (other.reference, "INVESTIGATING"),
    ]
    assert len({one["update_id"] for one in told}) == 3


@pytest.mark.parametrize(
    ("chosen", "status", "says"),
    [
        (
            {"outcome": "redirected", "reason": "other_authority", "target": "police"},
            "NOT_COUNCILS_RESPONSIBILITY",
            "Thuộc cơ quan khác",
        ),
        ({"outcome": "unfounded", "reason": "not_found"}, "NO_FURTHER_ACTION", "Không thấy hiện trạng"),
    ],
)
def test_a_refusal_says_which_and_why(report: Report, chosen: dict[str, str], status: str, says: str) -> None:
    step(report, "refuse", why="không phải việc của phường", **chosen)
    [told] = get().json()
    assert told["status"] == status
    assert says in told["description"]
    assert "không phải việc của phường" not in told["description"]


def test_worlds_never_mix(report: Report) -> None:
    step(report, "verify")
    drill = tokens.mint("drill", ["read"], "drill-1")[0]
    assert get(api_key=drill).json() == []


# ---------------------------------------------------------------------------------------------- adding


def test_a_comment_reaches_the_desk_once_and_nobody_else(report: Report, key: str) -> None:
    answer = fixmystreet(key, report.reference)
    assert answer.status_code == 200
    root = ET.fromstring(answer.content)
    assert root.tag == "service_request_updates"
    number = root.findtext("request_update/update_id")
    again = fixmystreet(key, report.reference)
    assert ET.fromstring(again.content).findtext("request_update/update_id") == number
    [entry] = [one for one in timeline(report.incident) if one.step == "comment"]
    assert Note.objects.get().text == WORDS
    covered = WORDS.replace("0905 999 888", "[•••]")
    assert (entry.why, entry.who, str(entry.title)) == (covered, "Người phản ánh", "Ý kiến của người phản ánh")
    chain = json.dumps([body for _row, body in audit.rows(report.incident.stream)], ensure_ascii=False)
    assert "Lan" not in chain
    assert "0905" not in get().content.decode()
    assert state(report) == "received"
    assert list(audit.verify_streams()) == []


def test_an_objection_reopens_and_a_consent_closes(report: Report, key: str) -> None:
    resolved(report)
    assert fixmystreet(key, report.reference).status_code == 200
    assert (state(report), report.incident.reopened) == ("assigned", 1)
    assert get().json()[-1]["status"] == "INVESTIGATING"
    step(report, "start")
    factories.prove(report.incident, colour="navy")
    step(report, "resolve", outcome="fixed", why="đã thay lại")
    assert fixmystreet(key, report.reference, update_id_ext="1002", status="CLOSED").status_code == 200
    assert state(report) == "closed"
    assert fixmystreet(key, report.reference, update_id_ext="1003", status="FIXED").status_code == 200
    assert state(report) == "closed"


def test_what_was_written_before_the_result_is_no_objection(report: Report, key: str) -> None:
    written = datetime.now(UTC) - timedelta(minutes=10)
    resolved(report)
    assert fixmystreet(key, report.reference, updated_datetime=written.isoformat()).status_code == 200
    assert state(report) == "resolved"


def test_too_late_to_object(report: Report, key: str) -> None:
    resolved(report)
    step(report, "close")
    incident = report.incident
    incident.refresh_from_db()
    incident.resolved_at -= timedelta(days=400)
    incident.save()
    answer = fixmystreet(key, report.reference)
    assert answer.status_code == 409
    assert "object" in (ET.fromstring(answer.content).findtext("error/description") or "")
    assert not [one for one in timeline(incident) if one.step == "comment"], "nothing half done"


def test_an_answer_starts_the_clock_that_waited_for_it(report: Report, key: str) -> None:
    step(report, "verify")
    step(report, "pause", why="cần ảnh gần hơn")
    inside = "data:image/jpeg;base64," + base64.b64encode(picture()).decode()
    assert fixmystreet(key, report.reference, media_url=inside).status_code == 200
    report.incident.refresh_from_db()
    assert report.incident.paused_at is None
    assert Evidence.objects.get().incident == report.incident


def test_a_merged_report_speaks_to_the_incident_it_follows(send: Send, report: Report, key: str) -> None:
    send()
    other = Report.objects.latest("id")
    step(other, "merge", keeper=report.incident.ref)
    assert fixmystreet(key, other.reference).status_code == 200
    assert next(iter(timeline(report.incident))).step == "comment"


def test_only_who_sent_a_report_may_add_to_it(report: Report) -> None:
    other = tokens.mint("other", ["reports:write"], "live")[0]
    drill = tokens.mint("app", ["reports:write"], "drill-1")[0]
    assert fixmystreet(other, report.reference).status_code == 403
    assert fixmystreet(drill, report.reference).status_code == 404
    assert fixmystreet("", report.reference).status_code == 403
    assert not AuditRow.objects.filter(body__contains=b'"comment"').exists()


@pytest.mark.parametrize(
    ("changed", "status", "names"),
    [
        ({"service_request_id": None}, 400, "service_request_id"),
        ({"service_request_id": "PA-0"}, 404, "PA-0"),
        ({"update_id_ext": None}, 400, "update_id"),
        ({"update_id_ext": "a b"}, 400, "update_id"),
        ({"description": "  "}, 400, "description"),
        ({"description": "x" * 4001}, 400, "description"),
        ({"description": "a\x00"}, 400, "description"),
        ({"status": "MAYBE"}, 400, "status"),
        ({"updated_datetime": "yesterday"}, 400, "updated_datetime"),
        ({"media_url": "ftp://x"}, 400, "media_url"),
        ({"jurisdiction_id": "city.gov"}, 404, "city.gov"),
    ],
)
def test_what_cannot_be_used_is_named(
    report: Report, key: str, changed: dict[str, Any], status: int, names: str
) -> None:
    answer = fixmystreet(key, report.reference, **changed)
    assert answer.status_code == status
    assert names in answer.content.decode()
    assert not Note.objects.exists()


def test_erasing_a_report_takes_its_comments_along(report: Report, key: str) -> None:
    fixmystreet(key, report.reference)
    intake.erase(report, factories.SUPERVISOR, "request")
    assert not Note.objects.filter(text__contains="Lan").exists()
    [entry] = [one for one in timeline(report.incident) if one.step == "comment"]
    assert entry.erased
    assert list(audit.verify_streams()) == []
