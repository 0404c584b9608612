"""Looking at personal data leaves a row, once per person and report; the public form is what everybody else reads."""

import pytest

from vonglau.core import audit
from vonglau.core.errors import NotAllowed, NotFound
from vonglau.core.people.policy import SYSTEM, Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake, looking
from vonglau.services.field_reports.masking import ByHand, Span
from vonglau.services.field_reports.models import Content, Report

WORDS = "Đèn trước nhà ông Nam tắt, gọi 0905 123 456"
LEADER = Actor("leader", "leader")
ADMIN = Actor("admin", "administrator")
TOKEN = Actor("token:app", "operator", world="live", scopes=frozenset({"read", "incidents:write"}))


@pytest.fixture
def report(db: None) -> Report:
    factories.live()
    personal = intake.Personal(description=WORDS, contact_name="Nam", phone="0905123456")
    submission = intake.Submission(
        world="live", category="street_light", personal=personal, source="open311", at=factories.MONDAY
    )
    return intake.receive(submission, Actor("token:app", "reporter", world="live"))


def looks(report: Report) -> list[tuple[str, str]]:
    return [(body["who"], body["what"]) for _row, body in audit.rows(report.incident.stream) if body["step"] == "look"]


def test_the_public_form_is_kept_beside_the_words(report: Report) -> None:
    assert report.content.public_words == "Đèn trước nhà ông Nam tắt, gọi [•••]"
    assert report.content.description == WORDS


def test_every_first_look_is_written_down(report: Report) -> None:
    assert looking.words(report, factories.OPERATOR) == WORDS
    looking.words(report, factories.OPERATOR)
    looking.words(report, factories.SUPERVISOR)
    assert looking.contacts(report, factories.OPERATOR).phone == "0905123456"
    assert looks(report) == [
        (factories.OPERATOR.name, "words"),
        (factories.SUPERVISOR.name, "words"),
        (factories.OPERATOR.name, "contacts"),
    ]
    assert list(audit.verify_streams()) == []


@pytest.mark.parametrize("actor", [LEADER, ADMIN, TOKEN, SYSTEM, Actor("other", "agency", 7, "so-khac")])
def test_who_does_not_work_on_it_reads_the_public_form_alone(report: Report, actor: Actor) -> None:
    for look in (looking.words, looking.contacts):
        with pytest.raises(NotAllowed):
            look(report, actor)
    assert looks(report) == []


def test_a_person_covers_what_the_rules_do_not_see(report: Report) -> None:
    at = WORDS.index("ông Nam")
    shown = looking.mask(report, factories.OPERATOR, ByHand(added=(Span(at, at + 7),)))
    assert shown == Content.objects.get(report=report).public_words == "Đèn trước nhà [•••] tắt, gọi [•••]"
    last = audit.rows(report.incident.stream)[-1][1]
    assert (last["step"], last["added"], last["shown"]) == ("mask", 1, 0)
    assert str(at) not in str(last).replace(last["at"], "").replace(report.reference, "")


def test_what_was_erased_cannot_be_looked_at(report: Report) -> None:
    intake.erase(report, factories.SUPERVISOR, "request")
    with pytest.raises(NotFound):
        looking.words(report, factories.OPERATOR)
