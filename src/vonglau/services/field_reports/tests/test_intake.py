"""Receiving a report: what is kept where, what is published, and that what identifies a person can go without a trace missing."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core import audit
from vonglau.core.audit_models import AuditRow
from vonglau.core.errors import BadInput, Conflict
from vonglau.core.facts import categories
from vonglau.core.incidents import desk
from vonglau.core.incidents.states import OPEN, State
from vonglau.core.notify_models import Publication
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake, rules
from vonglau.services.field_reports.models import Content, Report
from vonglau.services.field_reports.service import Received, service

REPORTER = Actor("token:app", "reporter", world="live")
WORDS = "Đèn trước nhà tôi tắt, gọi anh Nam 0905 123 456"


def submission(**more: object) -> intake.Submission:
    fields: dict[str, object] = {
        "world": "live",
        "category": "street_light",
        "lon": 108.2205,
        "lat": 16.0605,
        "personal": intake.Personal(
            description=WORDS, contact_name="Trần Văn Nam", phone="0905123456", email="nam@example.vn"
        ),
        "source": "open311",
        "sent_by": "token:app",
        "at": factories.MONDAY,
    }
    return intake.Submission(**{**fields, **more})  # type: ignore[arg-type]


@pytest.fixture
def live(db: None) -> None:
    factories.live()
    factories.drill()


def test_a_report_opens_an_incident_on_the_clock(live: None) -> None:
    report = intake.receive(submission(), REPORTER)
    incident = report.incident
    assert (incident.state, incident.kind, incident.origin) == (State.RECEIVED, "field_report", "report")
    assert incident.title == categories()["street_light"].name.vi
    assert incident.due_at == incident.receive_due is not None
    assert report.reference == incident.ref.replace("SV-", "PA-")
    assert report.ward == incident.ward != ""
    assert len(report.token) >= 16


def test_nothing_personal_leaves_its_own_row(live: None) -> None:
    report = intake.receive(submission(), REPORTER)
    elsewhere = [bytes(row.body).decode() for row in AuditRow.objects.all()]
    elsewhere += [bytes(row.body).decode() for row in Publication.objects.all()]
    elsewhere += [str(vars(report.incident)), str({k: v for k, v in vars(report).items() if k != "_state"})]
    for secret in ("Nam", "0905", "nam@example.vn", "Đèn trước nhà"):
        assert not [text for text in elsewhere if secret in text]
    assert report.content.description == WORDS


@pytest.mark.parametrize("world", ["live", "drill-1"])
def test_it_is_published_as_an_event_of_its_world(live: None, world: str) -> None:
    report = intake.receive(submission(world=world, sent_by="x"), REPORTER)
    event = json.loads(bytes(Publication.objects.get(world=world).body))
    assert event["type"] == intake.RECEIVED == service.event_types[0].name
    assert event.get("exercise", "live") == world
    assert (float(event["lon"]), float(event["lat"])) == (108.2205, 16.0605)
    assert event["data"] == {name: event["data"][name] for name in Received.__struct_fields__}
    assert event["data"]["reference"] == report.reference == event["subject"]


def test_sent_twice_it_is_kept_once(live: None) -> None:
    first = intake.receive(submission(external_id="k1"), REPORTER)
    again = intake.receive(submission(external_id="k1"), REPORTER)
    assert again.pk == first.pk
    assert Report.objects.count() == Publication.objects.count() == 1
    other = intake.receive(submission(external_id="k1", sent_by="token:other"), REPORTER)
    assert other.pk != first.pk


def test_an_identity_with_another_content_is_refused(live: None) -> None:
    intake.receive(submission(external_id="k1"), REPORTER)
    with pytest.raises(Conflict):
        intake.receive(submission(external_id="k1", personal=intake.Personal(description="khác")), REPORTER)
    assert Report.objects.count() == 1


def test_two_reports_cannot_share_an_identity_in_the_database(live: None) -> None:
    report = intake.receive(submission(external_id="k1"), REPORTER)
    report.pk, report.reference = None, "PA-x"
    report._state.adding = True
    with pytest.raises(IntegrityError):
        report.save()


def test_an_unknown_category_keeps_nothing(live: None) -> None:
    with pytest.raises(BadInput):
        intake.receive(submission(category="nope"), REPORTER)
    assert not Report.objects.exists()


def test_what_fails_afterwards_undoes_all(live: None) -> None:
    def fail(_incident: object) -> None:
        raise BadInput("the photo cannot be read")

    with pytest.raises(BadInput):
        intake.receive(submission(), REPORTER, fail)
    assert not Report.objects.exists()
    assert not Content.objects.exists()
    assert not AuditRow.objects.exists()


def test_a_place_abroad_has_no_ward(live: None) -> None:
    assert intake.receive(submission(lon=-71.06, lat=42.36), REPORTER).ward == ""


def test_erasing_leaves_incident_and_chain_whole(live: None) -> None:
    report = intake.receive(submission(), REPORTER)
    before = report.incident.version
    intake.erase(report, factories.SUPERVISOR, "retention")
    intake.erase(report, factories.SUPERVISOR, "retention")
    assert not Content.objects.exists()
    kept = Report.objects.get(pk=report.pk)
    assert kept.erased_at is not None
    assert [body["step"] for _row, body in audit.rows(kept.incident.stream)] == ["receive", "erase"]
    assert list(audit.verify_streams()) == []
    desk.take("live", kept.incident.ref, "verify", factories.OPERATOR, version=before)
    assert WORDS not in str(list(AuditRow.objects.values_list("body", flat=True)))


def test_an_erased_report_still_answers_for_its_identity(live: None) -> None:
    report = intake.receive(submission(external_id="k1"), REPORTER)
    intake.erase(report, factories.SUPERVISOR, "request")
    assert intake.receive(submission(external_id="k1"), REPORTER).pk == report.pk
    assert not Content.objects.exists()


def test_the_desk_learns_the_reports_of_an_incident(live: None) -> None:
    factories.agency(categories()["street_light"].agency)
    report = intake.receive(submission(), REPORTER)
    assert service.about is not None
    rows = {str(label): text for label, text in service.about(report.incident)}
    assert report.reference in rows["Phản ánh"]
    assert "Đèn" in rows["Lĩnh vực"]
    assert rows["Thường do"] == "Sở Xây dựng"
    assert not [text for text in rows.values() if "Nam" in text]
    assert service.about(factories.incident()) == ()


# ---------------------------------------------------------------------------------------------- rules


@given(st.sampled_from(list(State)), st.booleans(), st.booleans(), st.booleans())
def test_done_for_the_citizen_means_a_result_and_a_moment(
    state: State, verified: bool, resolved: bool, closed: bool
) -> None:
    at = factories.MONDAY
    fate = rules.Fate(
        state, at if verified else None, at + timedelta(1) if resolved else None, at + timedelta(2) if closed else None
    )
    assert rules.is_open(fate) == (state in OPEN)
    assert (rules.ended_at(fate) is not None) == (state not in OPEN and (resolved or closed))
    if state not in OPEN and resolved:
        assert rules.ended_at(fate) == fate.resolved_at
    assert rules.text_is_public(fate) == (verified and state != State.REFUSED)


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by the size of the table")
def test_an_identity_is_looked_up_by_its_index() -> None:
    """Otherwise every report that comes would read all that came before."""
    with CaptureQueriesContext(connection) as asked:
        assert intake._known(intake.Submission(world="live", category="x", source="open311", external_id="k")) is None
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked.captured_queries[0]['sql']}")
        assert "report_identity" in str(cursor.fetchall())
