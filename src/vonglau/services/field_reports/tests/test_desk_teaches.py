"""What the desk has corrected is what is learned from: verified reports only, none of a drill, none that was erased."""

from datetime import timedelta

import pytest

from vonglau.core.errors import BadInput
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State
from vonglau.core.people.policy import Actor
from vonglau.core.tests import factories
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.suggesting import desk

REPORTER = Actor("token:app", "reporter", world="live")


def sent(number: int, words: str, category: str = "street_light", world: str = "live") -> intake.Report:
    return intake.receive(
        intake.Submission(
            world=world,
            category=category,
            lon=108.2205,
            lat=16.0605,
            personal=intake.Personal(description=words),
            source="open311",
            at=factories.MONDAY + timedelta(minutes=number),
        ),
        REPORTER,
    )


def verified(report: intake.Report, **more: object) -> None:
    Incident.objects.filter(pk=report.incident_id).update(
        state=State.VERIFIED, verified_at=factories.MONDAY + timedelta(days=1), **more
    )


@pytest.fixture
def live(db: None) -> None:
    factories.live()
    factories.drill()


def test_the_desks_word_counts_and_only_what_it_verified(live: None) -> None:
    as_sent = sent(1, "Đèn không sáng")
    corrected = sent(2, "Rác thải trước cổng chợ")
    unread = sent(3, "Chưa ai xem")
    refused = sent(4, "Thử")
    empty = sent(5, "")
    erased = sent(6, "Tôi muốn xoá")
    for one in (as_sent, empty, erased):
        verified(one)
    verified(corrected, category="waste")
    Incident.objects.filter(pk=refused.incident_id).update(state=State.REFUSED, verified_at=factories.MONDAY)
    intake.erase(erased, REPORTER, "asked")
    found = desk.learned_from()
    assert [(one.report.words, one.code) for one in found] == [
        ("Đèn không sáng", "street_light"),
        ("Rác thải trước cổng chợ", "waste"),
    ]
    assert found[0].report.at == as_sent.received_at.timestamp()
    assert desk.corrections() == 1
    assert unread.incident.verified_at is None


def test_a_desk_that_verified_nothing_teaches_nothing(live: None) -> None:
    sent(1, "Đèn không sáng")
    with pytest.raises(BadInput, match="nothing to learn from"):
        desk.learned_from()
