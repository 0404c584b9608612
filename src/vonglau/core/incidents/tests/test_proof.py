"""A result of a field report that is told as fixed is shown; a refusal names its reason; no blank reaches a citizen."""

from datetime import timedelta

import pytest

from vonglau.core import audit
from vonglau.core.errors import BadInput
from vonglau.core.facts import data_path
from vonglau.core.incidents import files, proof, wording
from vonglau.core.incidents.desk import Details, get, take
from vonglau.core.incidents.files import NOWHERE, Where
from vonglau.core.incidents.models import Incident
from vonglau.core.people.policy import Actor
from vonglau.core.tests.factories import OPERATOR, agency, agent, incident, live, picture

pytestmark = pytest.mark.django_db

HERE = Where(lon=108.22, lat=16.06)
FIXED = Details(outcome="fixed", why="Đã thay bóng đèn")
REPORTER = Actor("bao.cao", "reporter")


@pytest.fixture
def started() -> tuple[Incident, Actor]:
    """A field report in the hands of an agency that has begun."""
    live()
    of = agent(agency())
    ref = incident().ref
    take("live", ref, "verify", OPERATOR)
    take("live", ref, "assign", OPERATOR, Details(agency=of.agency_code))
    return take("live", ref, "start", of), of


def refused(found: Incident, actor: Actor, details: Details = FIXED, step: str = "resolve") -> BadInput:
    with pytest.raises(BadInput) as problem:
        take("live", found.ref, step, actor, details)
    assert get("live", found.ref).version == found.version
    return problem.value


def test_fixed_needs_a_photo_with_its_place(started: tuple[Incident, Actor]) -> None:
    found, agent_ = started
    assert refused(found, agent_).extra["pointer"] == "/photo"
    bare = files.attach(found, agent_, picture())
    assert refused(found, agent_).extra["pointer"] == "/place"
    files.say_where(bare, agent_, Where(place="Trước số 12"))
    done = take("live", found.ref, "resolve", agent_, FIXED)
    assert done.state == "resolved"
    assert [row.sha256 for row in proof.shown(done)] == [bare.sha256]
    chain = b"".join(bytes(row.body) for row, _body in audit.rows(done.stream))
    assert "Trước số 12".encode() not in chain  # words of people stay outside


def test_other_outcomes_need_none(started: tuple[Incident, Actor]) -> None:
    found, agent_ = started
    assert (
        take("live", found.ref, "resolve", agent_, Details(outcome="explained", why="Đèn tắt theo giờ")).is_open
        is False
    )


def test_a_citizens_photo_proves_nothing_whoever_sends_it_again(started: tuple[Incident, Actor]) -> None:
    found, agent_ = started
    files.attach(found, REPORTER, picture(), where=HERE)
    files.attach(found, agent_, picture(), where=HERE)
    assert refused(found, agent_).extra["pointer"] == "/photo"


def test_a_photo_from_before_the_assignment_proves_nothing() -> None:
    live()
    of = agent(agency())
    found = incident()
    take("live", found.ref, "verify", OPERATOR)
    files.attach(found, OPERATOR, picture(), where=HERE)
    take("live", found.ref, "assign", OPERATOR, Details(agency=of.agency_code))
    begun = take("live", found.ref, "start", of)
    assert refused(begun, of).extra["pointer"] == "/photo"


def test_reopened_it_is_proved_anew_and_not_with_the_old_photo(started: tuple[Incident, Actor]) -> None:
    found, agent_ = started
    files.attach(found, agent_, picture("red"), where=HERE)
    take("live", found.ref, "resolve", agent_, FIXED)
    take("live", found.ref, "reopen", OPERATOR, Details(why="Vẫn tối"))
    again = take("live", found.ref, "start", agent_)
    files.attach(again, agent_, picture("red"), where=HERE)
    assert refused(again, agent_).extra["pointer"] == "/photo"
    files.attach(again, agent_, picture("green"), where=HERE)
    assert take("live", found.ref, "resolve", agent_, FIXED).state == "resolved"


def test_alert_born_kinds_are_as_their_service_says() -> None:
    assert proof.needed("field_report", "fixed")
    assert not proof.needed("traffic_congestion", "fixed")
    assert not proof.needed("unheard_of", "fixed")


def test_half_a_position_is_refused() -> None:
    for wrong in ({"lon": 1.0}, {"lat": 1.0}, {"lon": 181.0, "lat": 0.0}, {"lon": float("nan"), "lat": 0.0}):
        with pytest.raises(BadInput):
            Where(**wrong)  # type: ignore[arg-type]
    assert not NOWHERE


def test_a_refusal_names_its_reason_and_the_door_it_leads_to() -> None:
    live()
    found = incident()
    vague = Details(outcome="unfounded", why="Không có")
    assert refused(found, OPERATOR, vague, "refuse").extra["pointer"] == "/reason"
    other = Details(outcome="unfounded", why="Không có", reason="complaint")
    assert refused(found, OPERATOR, other, "refuse").extra["pointer"] == "/reason"
    lost = Details(outcome="redirected", why="Nơi khác", reason="complaint")
    assert refused(found, OPERATOR, lost, "refuse").extra["pointer"] == "/target"
    led = Details(outcome="redirected", why="Nộp đơn tại trụ sở", reason="complaint", target="citizen_reception")
    done = take("live", found.ref, "refuse", OPERATOR, led)
    body = audit.rows(done.stream)[-1][1]
    assert (body["reason"], body["target"]) == ("complaint", "citizen_reception")


def test_no_blank_of_a_template_reaches_a_citizen(started: tuple[Incident, Actor]) -> None:
    found, agent_ = started
    template = next(row for row in wording.read("field_reports").results if row.code == "explained")
    for text in (template.template.vi, template.template.en):
        problem = refused(found, agent_, Details(outcome="explained", why=text))
        assert problem.extra["pointer"] == "/why"
        assert problem.extra["blanks"]
    own = Details(outcome="explained", why="Theo Thông tư [xem mục 3] thì đúng")  # nobody's blank
    assert take("live", found.ref, "resolve", agent_, own).state == "resolved"


def test_the_shipped_wording_is_whole() -> None:
    found = wording.read("field_reports")
    assert data_path("reasons", "field_reports.yaml").is_file()
    assert {row.outcome for row in found.refusals} == {"unfounded", "redirected"}
    assert {row.outcome for row in found.results} == {"fixed", "planned", "explained"}
    for row in (*found.refusals, *found.results):
        for text in (row.template.vi, row.template.en):
            assert wording.unfilled(found, text), row.code


def test_evidence_moments_are_the_worlds(started: tuple[Incident, Actor]) -> None:
    found, agent_ = started
    kept = files.attach(found, agent_, picture(), where=HERE)
    assert (kept.lon, kept.lat, kept.placed) == (108.22, 16.06, True)
    assert found.assigned_at is not None
    assert kept.at - found.assigned_at < timedelta(hours=1)
