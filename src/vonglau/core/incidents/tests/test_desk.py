"""The state table, the two clocks, and that every change leaves an audit row."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vonglau.core import audit
from vonglau.core.calendars import calendar
from vonglau.core.changes import Change
from vonglau.core.errors import BadInput, Conflict, NotAllowed, NotFound, StepNotPossible
from vonglau.core.incidents import clocks, desk
from vonglau.core.incidents.desk import Details, take
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import ENDED, TABLE, State, Step
from vonglau.core.notify_models import Notice
from vonglau.core.people.policy import SYSTEM, Actor
from vonglau.core.tests.factories import (
    LEADER,
    MONDAY,
    OPERATOR,
    SUPERVISOR,
    agency,
    agent,
    drill,
    incident,
    live,
    prove,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _world() -> None:
    live()


def walk(ref: str, at: datetime = MONDAY, until: str = "closed", world: str = "live") -> Incident:
    """The straight way through the table, an hour a step."""
    of = agency()
    steps = [
        ("verify", OPERATOR, Details()),
        ("assign", OPERATOR, Details(agency=of.code)),
        ("start", agent(of), Details()),
        ("resolve", agent(of), Details(outcome="fixed", why="Đã thay bóng đèn")),
        ("close", SUPERVISOR, Details()),
    ]
    found = desk.get(world, ref)
    for number, (step, actor, details) in enumerate(steps, 1):
        if step == "resolve":
            prove(found, actor)
        found = take(world, ref, step, actor, details, at=at + number * HOUR)
        if found.state == until or step == until:
            break
    return found


def test_the_straight_way_leaves_moments_and_an_audit_row_each() -> None:
    opened = incident()
    done = walk(opened.ref)
    assert done.state == State.CLOSED
    assert [done.verified_at, done.assigned_at, done.started_at, done.resolved_at, done.closed_at] == [
        MONDAY + n * HOUR for n in range(1, 6)
    ]
    steps = [body["step"] for _row, body in audit.rows(done.stream)]
    assert steps == ["receive", "verify", "assign", "start", "evidence", "resolve", "close"]
    assert list(audit.verify_streams()) == []
    assert [change.body["state"] for change in Change.objects.filter(kind="incident")][-1] == "closed"


def test_what_was_said_stays_out_of_the_chain() -> None:
    done = walk(incident().ref)
    text = b"".join(bytes(row.body) for row, _body in audit.rows(done.stream))
    assert "thay bóng".encode() not in text
    why = audit.rows(done.stream)[5][1]["why"]
    assert set(why) == {"note", "digest"}


def test_clocks_run_on_working_hours_and_stop() -> None:
    opened = incident(level="normal")
    assert opened.receive_due == calendar("vn").add_working(MONDAY, timedelta(hours=8))
    assert opened.due_at == opened.receive_due
    verified = take("live", opened.ref, "verify", OPERATOR, at=MONDAY + HOUR)
    assert verified.handle_due == calendar("vn").add_working(MONDAY + HOUR, timedelta(hours=24))
    assert verified.due_at == verified.handle_due
    done = walk(incident().ref, until="resolved")
    assert done.due_at is None


def test_waiting_for_the_citizen_pauses_and_what_was_left_runs_on() -> None:
    ref = walk(incident().ref, until="in_progress").ref
    before = desk.get("live", ref).handle_due
    paused = take("live", ref, "pause", OPERATOR, Details(why="Cần ảnh rõ hơn"), at=MONDAY + 4 * HOUR)
    assert paused.due_at is None
    days = calendar("vn")
    left = days.working_between(MONDAY + 4 * HOUR, before)
    resumed = take("live", ref, "resume", OPERATOR, at=MONDAY + timedelta(days=3))
    assert days.working_between(MONDAY + timedelta(days=3), resumed.handle_due) == left
    assert resumed.due_at == resumed.handle_due


def test_pause_does_not_save_a_deadline_that_was_missed() -> None:
    ref = walk(incident(level="urgent").ref, until="in_progress").ref
    late = MONDAY + timedelta(days=2)
    take("live", ref, "pause", OPERATOR, Details(why="Chờ"), at=late)
    resumed = take("live", ref, "resume", OPERATOR, at=late + timedelta(days=1))
    assert resumed.handle_due < late + timedelta(days=1)


def test_each_missing_field_is_named() -> None:
    opened = incident()
    with pytest.raises(BadInput) as refused:
        take("live", opened.ref, "refuse", OPERATOR, Details(outcome="unfounded"))
    assert refused.value.extra["pointer"] == "/why"
    with pytest.raises(BadInput, match="outcomes"):
        take("live", opened.ref, "refuse", OPERATOR, Details(outcome="fixed", why="x"))
    ref = walk(incident().ref, until="in_progress").ref
    with pytest.raises(BadInput, match="date"):
        take("live", ref, "resolve", OPERATOR, Details(outcome="planned", why="Quý sau"))
    planned = take(
        "live", ref, "resolve", OPERATOR, Details(outcome="planned", why="Quý sau", planned_for=date(2027, 3, 1))
    )
    assert planned.planned_for == date(2027, 3, 1)


def test_agencies_act_on_their_own_and_see_no_others() -> None:
    ref = walk(incident().ref, until="assigned").ref
    other = agency("cap-nuoc", name_vi="Công ty cấp nước")
    with pytest.raises(NotFound):
        take("live", ref, "start", agent(other))
    with pytest.raises(NotAllowed):
        take("live", incident().ref, "verify", LEADER)


def test_alert_born_incidents_are_confirmed_by_a_supervisor() -> None:
    ref = walk(incident(origin="alert", kind="traffic_incident").ref, until="resolved").ref
    with pytest.raises(NotAllowed):
        take("live", ref, "close", OPERATOR)
    assert desk.close_silent("live", MONDAY + timedelta(days=60)) == 0
    assert take("live", ref, "close", SUPERVISOR).state == State.CLOSED


def test_silence_closes_a_report_after_the_time_to_object() -> None:
    done = walk(incident().ref, until="resolved")
    ends = clocks.objection_ends(done)
    assert desk.close_silent("live", ends) == 0
    assert desk.close_silent("live", ends + timedelta(seconds=1)) == 1
    assert desk.get("live", done.ref).state == State.CLOSED


def test_closed_reopens_only_within_the_objection_period() -> None:
    done = walk(incident().ref)
    ends = clocks.objection_ends(done)
    with pytest.raises(StepNotPossible):
        take("live", done.ref, "reopen", OPERATOR, Details(why="Vẫn tối"), at=ends + HOUR)
    again = take("live", done.ref, "reopen", OPERATOR, Details(why="Vẫn tối"), at=ends - HOUR)
    assert (again.state, again.reopened, again.outcome, again.resolved_at) == (State.ASSIGNED, 1, "", None)
    assert again.agency is not None
    assert again.handle_due > ends - HOUR


def test_returned_goes_back_to_the_desk_and_must_be_assigned_before_it_starts() -> None:
    ref = walk(incident().ref, until="assigned").ref
    of = desk.get("live", ref).agency
    back = take("live", ref, "return", agent(of), Details(why="Không thuộc thẩm quyền"))
    assert (back.state, back.agency) == (State.ASSIGNED, None)
    with pytest.raises(StepNotPossible):
        take("live", ref, "start", OPERATOR)
    assert take("live", ref, "assign", OPERATOR, Details(agency=of.code)).agency == of


def test_merged_points_to_its_keeper_and_follows_its_fate() -> None:
    keeper, twin = incident(), incident()
    merged = take("live", twin.ref, "merge", OPERATOR, Details(keeper=keeper.ref))
    assert merged.state == State.MERGED
    walk(keeper.ref)
    assert desk.fate(desk.get("live", twin.ref)).state == State.CLOSED
    with pytest.raises(StepNotPossible):
        take("live", twin.ref, "verify", OPERATOR)
    third = incident()
    with pytest.raises(BadInput):
        take("live", third.ref, "merge", OPERATOR, Details(keeper=twin.ref))
    with pytest.raises(BadInput):
        take("live", third.ref, "merge", OPERATOR, Details(keeper=third.ref))


def test_a_part_keeps_the_moment_the_whole_was_received() -> None:
    ref = walk(incident().ref, until="assigned").ref
    take("live", ref, "split", OPERATOR, Details(title="Cây gãy cạnh cột đèn"))
    part = Incident.objects.get(parent__ref=ref)
    assert part.received_at == MONDAY
    assert (part.state, part.agency, part.handle_due) == (State.VERIFIED, None, desk.get("live", ref).handle_due)


def test_two_people_at_once_the_second_is_told() -> None:
    opened = incident()
    take("live", opened.ref, "verify", OPERATOR, version=1)
    with pytest.raises(Conflict):
        take("live", opened.ref, "verify", OPERATOR, version=1)


def test_level_recomputes_both_deadlines_from_their_own_beginnings() -> None:
    opened = incident(level="normal")
    take("live", opened.ref, "verify", OPERATOR, at=MONDAY + HOUR)
    urgent = take(
        "live", opened.ref, "level", OPERATOR, Details(level="urgent", why="Dây điện hở"), at=MONDAY + 2 * HOUR
    )
    assert urgent.handle_due == calendar("vn").add_working(MONDAY + HOUR, timedelta(hours=4))
    with pytest.raises(BadInput, match="level"):
        take("live", opened.ref, "level", OPERATOR, Details(level="siêu khẩn", why="x"))


def test_assignment_mails_the_agency_once_and_a_start_stops_what_was_not_sent() -> None:
    of = agency("dien", email="dien@example.invalid")
    opened = incident()
    take("live", opened.ref, "verify", OPERATOR)
    take("live", opened.ref, "assign", OPERATOR, Details(agency="dien"))
    assert Notice.objects.get().state == "pending"
    take("live", opened.ref, "start", agent(of))
    assert Notice.objects.get().state == "cancelled"


def test_worlds_do_not_mix() -> None:
    drill()
    here, there = incident(), incident(world="drill-1")
    assert here.ref == there.ref
    take("drill-1", there.ref, "verify", OPERATOR)
    assert desk.get("live", here.ref).state == State.RECEIVED
    token = replace(Actor("token:x", "operator", scopes=frozenset({"incidents:write"})), world="drill-1")
    with pytest.raises(NotFound):
        take("live", here.ref, "verify", token)


ACTORS = [OPERATOR, SUPERVISOR, LEADER, SYSTEM, Actor("quan.tri", "administrator"), Actor("bao", "reporter")]
FULL = Details(
    why="vì",
    outcome="explained",
    reason="not_found",
    agency="xay-dung",
    level="complex",
    title="Phần",
    planned_for=date(2027, 1, 1),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(list(Step)), st.integers(0, 6)), max_size=14))
def test_whatever_people_try_the_table_holds(tries: list[tuple[Step, int]]) -> None:
    """No sequence of steps reaches a state the table does not allow; clocks, counters and chains stay consistent."""
    from vonglau.core.people.models import Agency

    of = Agency.objects.filter(code="xay-dung").first() or agency()
    opened, at = incident(), MONDAY
    taken = 0
    for step, who in tries:
        at += HOUR
        actor = [*ACTORS, agent(of)][who]
        before = desk.get("live", opened.ref)
        details = replace(FULL, outcome="unfounded") if step == Step.REFUSE else FULL
        try:
            after = take("live", opened.ref, step, actor, replace(details, keeper=opened.ref), at=at)
        except (StepNotPossible, NotAllowed, BadInput, NotFound):
            assert desk.get("live", opened.ref).version == before.version
            continue
        taken += 1
        rule = next(rule for rule in TABLE if rule.step == step and before.state in rule.sources)
        assert after.state == (rule.to or before.state)
        assert actor.role in rule.roles
        assert (after.due_at is None) == (after.paused_at is not None or not after.is_open)
        if after.state in ENDED:
            assert after.closed_at is not None
    rows = audit.rows(opened.stream)
    assert len(rows) == taken + 1
    assert datetime.fromisoformat(rows[0][1]["at"]) == MONDAY.astimezone(UTC)
    assert not [f for f in audit.verify_streams() if f.stream == opened.stream]
