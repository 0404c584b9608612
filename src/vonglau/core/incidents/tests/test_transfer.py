"""A matter goes from one agency straight to another: with a reason, on the same clock, seen by both and by the desk."""

from datetime import timedelta

import pytest

from vonglau.core import audit
from vonglau.core.errors import BadInput, NotAllowed, NotFound, StepNotPossible
from vonglau.core.incidents import desk, proof
from vonglau.core.incidents.desk import Details, take
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import Step
from vonglau.core.incidents.timeline import timeline
from vonglau.core.models import Notice
from vonglau.core.people.models import Agency
from vonglau.core.tests import factories
from vonglau.core.tests.factories import MONDAY, OPERATOR, SUPERVISOR, agency, agent, incident

HOUR = timedelta(hours=1)


@pytest.fixture
def agencies(db: None) -> tuple[Agency, Agency]:
    factories.live()
    return agency(), agency("thoat-nuoc", name_vi="Công ty Thoát nước", email="tn@example.invalid")


def in_work(first: Agency) -> Incident:
    opened = incident()
    take("live", opened.ref, Step.VERIFY, OPERATOR, at=MONDAY)
    take("live", opened.ref, Step.ASSIGN, OPERATOR, Details(agency=first.code), at=MONDAY)
    return take("live", opened.ref, Step.START, agent(first), at=MONDAY)


def to(second: Agency, why: str = "Là việc thoát nước") -> Details:
    return Details(agency=second.code, why=why)


def test_it_goes_over_with_its_clock_and_both_are_named(agencies: tuple[Agency, Agency]) -> None:
    first, second = agencies
    before = in_work(first)
    after = take("live", before.ref, Step.TRANSFER, agent(first), to(second), at=MONDAY + HOUR)
    assert (after.state, after.agency, after.started_at) == ("assigned", second, None)
    assert (after.due_at, after.escalated) == (before.due_at, before.escalated)
    with pytest.raises(NotFound):
        take("live", before.ref, Step.START, agent(first))
    assert take("live", before.ref, Step.START, agent(second)).state == "in_progress"
    assert Notice.objects.get(kind="assigned").recipient == "tn@example.invalid"
    entry = timeline(desk.get("live", before.ref))[1]
    assert (entry.title, entry.why) == ("Chuyển giao", "Là việc thoát nước")
    assert entry.lines == ("Từ Sở Xây dựng sang Công ty Thoát nước",)
    assert not list(audit.verify_streams())


def test_proof_of_the_one_is_none_of_the_other(agencies: tuple[Agency, Agency]) -> None:
    first, second = agencies
    found = in_work(first)
    factories.prove(found, agent(first))
    assert proof.shown(found)
    take("live", found.ref, Step.TRANSFER, agent(first), to(second))
    assert proof.shown(desk.get("live", found.ref)) == []


def test_what_may_not_be_handed_over(agencies: tuple[Agency, Agency]) -> None:
    first, second = agencies
    found = in_work(first)
    with pytest.raises(BadInput, match="why"):
        take("live", found.ref, Step.TRANSFER, agent(first), to(second, ""))
    with pytest.raises(BadInput, match="already"):
        take("live", found.ref, Step.TRANSFER, agent(first), to(first))
    with pytest.raises(NotFound):
        take("live", found.ref, Step.TRANSFER, agent(second), to(second))
    with pytest.raises(NotAllowed):
        take("live", found.ref, Step.TRANSFER, factories.LEADER, to(second))
    take("live", found.ref, Step.RETURN, agent(first), Details(why="không phải"))
    with pytest.raises(StepNotPossible):
        take("live", found.ref, Step.TRANSFER, SUPERVISOR, to(second))
