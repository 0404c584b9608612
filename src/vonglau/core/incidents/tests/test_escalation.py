"""Escalation before a deadline: by level and clock, on working time, without pauses, and never twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.calendars import calendar
from vonglau.core.errors import BadFile
from vonglau.core.incidents import desk, escalation
from vonglau.core.incidents.desk import Details, take
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.timeline import timeline
from vonglau.core.levels import levels
from vonglau.core.models import Notice
from vonglau.core.people.models import User
from vonglau.core.tests.factories import MONDAY, OPERATOR, SUPERVISOR, agency, agent, drill, incident
from vonglau.core.worlds import World, WorldKind, ensure_world, world

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(live: None) -> None:
    for role in ("operator", "supervisor", "leader"):
        User.objects.create(username=f"the.{role}", role=role, email=f"{role}@example.invalid", demo=False)


@pytest.fixture
def live(db: None) -> None:
    from vonglau.core.tests import factories

    factories.live()


def told() -> list[tuple[str, str]]:
    return sorted(Notice.objects.filter(channel="email").values_list("kind", "recipient"))


def run(at: datetime, name: str = "live") -> int:
    return escalation.run(world(name), at)


def working(begins: datetime, hours: float) -> datetime:
    return calendar("vn").add_working(begins, timedelta(hours=hours))


def at_work(**more: Any) -> Incident:
    """Verified and assigned at MONDAY, with people and a mailbox of the agency."""
    of = agency(email="giam-doc@example.invalid")
    User.objects.create(username="can.bo", role="agency", agency=of, email="can.bo@example.invalid", demo=False)
    opened = incident(**more)
    take("live", opened.ref, "verify", OPERATOR, at=MONDAY)
    found = take("live", opened.ref, "assign", OPERATOR, Details(agency=of.code), at=MONDAY)
    Notice.objects.all().delete()
    return found


def test_each_per_cent_of_the_receive_clock_tells_whom_the_level_names_and_only_once() -> None:
    opened = incident()  # 8 working hours to verify
    assert run(working(MONDAY, 4) - timedelta(minutes=1)) == 0
    assert run(working(MONDAY, 4)) == 1
    assert told() == [("due", "operator@example.invalid")]
    assert run(working(MONDAY, 4)) == run(working(MONDAY, 5)) == 0
    assert run(working(MONDAY, 6)) == 1
    assert run(working(MONDAY, 8)) == 1
    assert run(working(MONDAY, 30)) == 0
    assert told() == [
        ("due", "operator@example.invalid"),
        ("due", "operator@example.invalid"),
        ("due", "supervisor@example.invalid"),
        ("overdue", "leader@example.invalid"),
        ("overdue", "supervisor@example.invalid"),
    ]
    rows = [body for _row, body in audit.rows(opened.stream) if body["step"] == "escalate"]
    assert [(body["clock"], body["percent"], body["told"]) for body in rows] == [
        ("receive", 50, ["operator"]),
        ("receive", 75, ["operator", "supervisor"]),
        ("receive", 100, ["supervisor", "leader"]),
    ]
    assert desk.get("live", opened.ref).version == 1  # nobody's form is overtaken by it
    assert not list(audit.verify_streams())


def test_the_agency_and_its_head_are_told_before_the_leaders() -> None:
    found = at_work(level="urgent")  # 4 working hours to handle
    assert run(MONDAY + 2 * HOUR) == 1
    assert told() == [("due", "can.bo@example.invalid")]
    assert run(MONDAY + 3 * HOUR) == 1
    assert ("due", "giam-doc@example.invalid") in told()
    assert ("due", "supervisor@example.invalid") in told()
    assert "leader@example.invalid" not in str(told())
    assert run(found.handle_due or MONDAY) == 1
    assert ("overdue", "leader@example.invalid") in told()


def test_what_a_standing_worker_missed_is_told_once_to_everybody_concerned() -> None:
    opened = incident()
    assert run(working(MONDAY, 7)) == 1
    assert told() == [("due", "operator@example.invalid"), ("due", "supervisor@example.invalid")]
    (row,) = [body for _row, body in audit.rows(opened.stream) if body["step"] == "escalate"]
    assert row["percent"] == 75


def test_a_pause_does_not_run_and_tells_nobody() -> None:
    found = at_work(level="urgent")
    take("live", found.ref, "pause", OPERATOR, Details(why="chờ ảnh"), at=MONDAY + HOUR)
    assert run(working(MONDAY, 100)) == 0
    assert escalation.plan(desk.get("live", found.ref)) == []
    later = working(MONDAY, 16)
    take("live", found.ref, "resume", OPERATOR, at=later)
    Notice.objects.all().delete()
    assert run(working(later, 0.9)) == 0
    assert run(working(later, 1)) == 1  # an hour before the pause and one after it: half of four
    assert [step.told for step in escalation.plan(desk.get("live", found.ref))] == [True, False, False]


def test_what_a_pause_kept_back_is_told_when_the_work_goes_on_and_to_nobody_twice() -> None:
    found = at_work(level="urgent")
    run(MONDAY + 2 * HOUR)
    Notice.objects.update(state="delivered")
    run(MONDAY + 3 * HOUR)
    Notice.objects.filter(recipient="giam-doc@example.invalid").update(state="delivered")
    for pause in (3, 4):  # paused again before it could go
        take("live", found.ref, "pause", OPERATOR, Details(why="chờ ảnh"), at=MONDAY + pause * HOUR)
        assert not Notice.objects.filter(state="pending").exists()
        resumed = take("live", found.ref, "resume", OPERATOR, at=MONDAY + (pause + 1) * HOUR)
        waiting = Notice.objects.filter(state="pending").order_by("recipient")
        assert [(one.kind, one.recipient) for one in waiting] == [
            ("due", "can.bo@example.invalid"),
            ("due", "supervisor@example.invalid"),
        ]
    assert resumed.due_at is not None
    assert timezone.localtime(resumed.due_at).strftime("%H:%M") in waiting[0].body
    assert run(MONDAY + 5 * HOUR) == 0


def test_a_pause_does_not_hide_a_deadline_that_was_missed() -> None:
    found = at_work(level="urgent")
    run(found.handle_due or MONDAY)
    take("live", found.ref, "pause", OPERATOR, Details(why="chờ ảnh"), at=MONDAY + 5 * HOUR)
    take("live", found.ref, "resume", OPERATOR, at=MONDAY + 6 * HOUR)
    leader = Notice.objects.filter(recipient="leader@example.invalid")
    assert [(one.kind, one.state) for one in leader] == [("overdue", "pending")]


def test_verifying_begins_the_other_clock_and_so_does_reopening() -> None:
    opened = incident()
    run(working(MONDAY, 7))
    verified = working(MONDAY, 7)
    take("live", opened.ref, "verify", OPERATOR, at=verified)
    found = desk.get("live", opened.ref)
    assert found.escalated == 0
    assert found.escalates_at == working(verified, 12)  # half of 24
    agency()
    take("live", opened.ref, "assign", OPERATOR, Details(agency="xay-dung"), at=verified)
    take("live", opened.ref, "start", OPERATOR, at=verified)
    run(working(verified, 20))
    result = Details(outcome="explained", why="đã giải thích")
    done = take("live", opened.ref, "resolve", OPERATOR, result, at=working(verified, 21))
    assert done.escalates_at is None
    again = take("live", opened.ref, "reopen", SUPERVISOR, Details(why="chưa"), at=working(verified, 22))
    assert (again.escalated, again.escalates_at) == (0, working(verified, 34))


def test_a_stricter_level_tells_at_once_and_a_milder_one_lets_the_clock_speak_again() -> None:
    found = at_work()  # normal: 24 hours
    assert run(MONDAY + 3 * HOUR) == 0
    take("live", found.ref, "level", OPERATOR, Details(level="urgent", why="Dây hở"), at=MONDAY + 3 * HOUR)
    Notice.objects.all().delete()
    assert run(MONDAY + 3 * HOUR) == 1
    assert desk.get("live", found.ref).escalated == 75
    milder = take("live", found.ref, "level", OPERATOR, Details(level="complex", why="x"), at=working(MONDAY, 3.5))
    assert milder.escalated == 0
    assert milder.escalates_at == working(MONDAY, 28)


def test_a_change_of_level_keeps_the_time_that_was_paused_and_a_reopened_clock() -> None:
    found = at_work()
    take("live", found.ref, "pause", OPERATOR, Details(why="chờ"), at=working(MONDAY, 1))
    paused = take("live", found.ref, "level", OPERATOR, Details(level="urgent", why="x"), at=working(MONDAY, 5))
    assert paused.due_at is None
    resumed = take("live", found.ref, "resume", OPERATOR, at=working(MONDAY, 11))
    assert resumed.due_at == working(MONDAY, 14)  # one of four hours had run
    again = take("live", found.ref, "level", OPERATOR, Details(level="normal", why="x"), at=working(MONDAY, 11))
    assert again.due_at == working(MONDAY, 34)  # ten of pause, twenty-four of work


def test_the_clock_of_the_world_counts_and_recordings_are_left_alone() -> None:
    drill()
    there = incident(world="drill-1")
    here = incident()
    assert run(working(MONDAY, 5), "drill-1") == 1
    assert (desk.get("drill-1", there.ref).escalated, desk.get("live", here.ref).escalated) == (50, 0)
    ensure_world("old", WorldKind.RECORDING, "48", "Cũ", "Old")
    incident(world="old")
    assert escalation.run(World.objects.get(pk="old"), working(MONDAY, 50)) == 0


def test_at_most_so_many_at_a_time_the_longest_waiting_first() -> None:
    late = [incident() for _ in range(4)]
    later = incident(at=MONDAY + HOUR)
    now = working(MONDAY + HOUR, 4)
    assert [escalation.run(world("live"), now, limit=3) for _ in range(3)] == [3, 2, 0]
    assert all(one.escalated == 50 for one in Incident.objects.filter(pk__in=[one.pk for one in (*late, later)]))


def test_a_level_that_is_no_more_keeps_no_other_incident_silent() -> None:
    gone, other = at_work(), incident(at=MONDAY + HOUR)
    Incident.objects.filter(pk=gone.pk).update(level="gone")
    now = working(MONDAY, 23)
    assert run(now) == 1
    assert run(now) == 0
    assert desk.get("live", other.ref).escalated == 100
    left = desk.get("live", gone.ref)
    assert (left.escalates_at, escalation.plan(left)) == (None, [])
    again = take("live", gone.ref, "level", OPERATOR, Details(level="urgent", why="mức cũ không còn"), at=now)
    assert again.due_at == left.due_at == working(MONDAY, 24)
    assert run(now) == 1


def test_an_upgraded_row_is_planned_anew_without_telling_anybody() -> None:
    opened = incident()
    Incident.objects.update(escalates_at=MONDAY)
    assert run(MONDAY + HOUR) == 0
    assert desk.get("live", opened.ref).escalates_at == working(MONDAY, 4)
    assert told() == []


def test_the_timeline_says_who_was_told() -> None:
    opened = incident()
    run(working(MONDAY, 6))
    entry = timeline(desk.get("live", opened.ref))[0]
    assert entry.title == "Báo trước khi quá hạn"
    assert entry.lines == ("Đã qua 75 % thời hạn tiếp nhận; báo: trực ban, trưởng ca",)


def test_an_agent_who_has_handled_it_stops_what_was_not_sent() -> None:
    found = at_work(level="urgent")
    run(MONDAY + 3 * HOUR)
    worker = agent(found.agency)  # type: ignore[arg-type]
    take("live", found.ref, "start", worker, at=MONDAY + 3 * HOUR)
    take("live", found.ref, "resolve", worker, Details(outcome="explained", why="xong"), at=MONDAY + 3 * HOUR)
    assert set(Notice.objects.values_list("state", flat=True)) == {"cancelled"}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("[{at: 0, receive: [operator]}]", "per cent"),
        ("[{at: 120, receive: [operator]}]", "per cent"),
        ("[{at: 50, handle: [mayor]}]", "mayor"),
        ("[{at: 75}, {at: 50}]", "in order"),
        ("[{at: 75}, {at: 75}]", "in order"),
    ],
)
def test_a_wrong_escalation_is_refused(tmp_path: Any, monkeypatch: Any, steps: str, message: str) -> None:
    (tmp_path / "levels").mkdir()
    limit = "[{hours: 1, valid_from: 2025-01-01, basis: regulation, source: x}]"
    (tmp_path / "levels" / "odd.yaml").write_text(
        "source: x\nlevels:\n- code: a\n  name: {vi: a, en: a}\n  description: {vi: a, en: a}\n  calendar: always\n"
        f"  receive: {limit}\n  handle: {limit}\n  objection: {limit}\n  escalation: {steps}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("VONGLAU_FACTS", str(tmp_path))
    levels.cache_clear()
    with pytest.raises(BadFile, match=message):
        levels("odd")
    levels.cache_clear()
