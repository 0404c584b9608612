"""How long each type is kept, and who may still need it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from vonglau.core import retention, seams
from vonglau.core.events import to_us
from vonglau.core.facts import Text
from vonglau.core.incidents.models import Incident
from vonglau.core.models import Alert, Cursor, DetectorStop
from vonglau.core.notify_models import Endpoint
from vonglau.core.retention import Cutoffs, Policy, Rule
from vonglau.core.runner import reader_of
from vonglau.core.tests import factories

TODAY = date(2026, 11, 25)


def rule(**changed: object) -> Rule:
    usual = {
        "code": "statistics",
        "types": ("vn.example.lamp",),
        "purpose": Text("Thống kê", "Statistics"),
        "keep_days": 100,
        "valid_from": date(2026, 1, 1),
        "basis": "installation default",
        "source": "this test",
    }
    return Rule(**usual | changed)


def kept(type_: str, *rules: Rule) -> tuple[int | None, str]:
    found = Policy(rules, TODAY).kept(type_)
    return found.days, found.rule


def test_the_longest_purpose_decides() -> None:
    longer = rule(code="evidence", keep_days=400)
    for_ever = rule(code="archive", keep_days=None)
    assert kept("vn.example.lamp", rule(), longer) == (400, "evidence")
    assert kept("vn.example.lamp", rule(), for_ever, longer) == (None, "archive")


def test_a_rule_holds_for_its_types_and_its_time() -> None:
    assert kept("vn.example.lamps", rule()) == (None, "undeclared")
    assert kept("vn.example.lamps", rule(types=("vn.example.*",))) == (100, "statistics")
    assert kept("vn.example.lamp", rule(valid_from=date(2027, 1, 1))) == (None, "undeclared")
    assert kept("vn.example.lamp", rule(valid_until=date(2026, 6, 1))) == (None, "undeclared")


def test_the_shipped_rules_can_be_used_and_name_their_basis() -> None:
    policy = retention.policy(TODAY)
    assert policy.kept("vn.vonglau.traffic.measured").days == 1_826
    assert policy.kept("vn.somebody.else").days is None


def test_nothing_that_happened_since_the_shortest_period_is_looked_at() -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    cutoffs = Cutoffs(Policy([rule(), rule(code="x", keep_days=30, types=("a.b.c",))], TODAY), now)
    assert cutoffs.newest_us == to_us(now - timedelta(days=30))
    assert cutoffs.of(["vn.example.lamp", "z"]) == {"vn.example.lamp": (to_us(now - timedelta(days=100)), "statistics")}


@pytest.mark.django_db
def test_readers_and_open_incidents_need_their_events() -> None:
    readers = [reader_of(detector) for _service, detector in seams.detectors()]
    assert retention.needs().floor == 0  # nobody has read anything
    Cursor.objects.bulk_create([Cursor(pk=reader, position=500 + n) for n, reader in enumerate(readers)])
    for service in seams.services():
        for one in service.projections:
            Cursor.objects.create(pk=f"projection/{one.name}/{one.version}", position=900)
    factories.live()
    open_one, closed = factories.incident(), factories.incident()
    Incident.objects.filter(pk=closed.pk).update(state="closed")
    for n, incident in enumerate((open_one, closed, None)):
        Alert.objects.create(
            world="live",
            identity=str(n),
            service="s",
            detector="d",
            kind="k",
            severity="Minor",
            urgency="Past",
            certainty="Likely",
            rank=1,
            onset=datetime.now(UTC),
            updated=datetime.now(UTC),
            ended=datetime.now(UTC),
            subject="x",
            evidence=[10 * n + 3, 10 * n + 1],
            incident=incident,
        )
    needs = retention.needs()
    assert needs.floor == 500
    assert needs.held.tolist() == [1, 3]


@pytest.mark.django_db
def test_a_detector_that_stands_still_needs_what_lies_behind_its_own_cursor() -> None:
    for service in seams.services():
        for one in service.projections:
            Cursor.objects.create(pk=f"projection/{one.name}/{one.version}", position=900)
    detectors = [detector for _service, detector in seams.detectors()]
    Cursor.objects.bulk_create([Cursor(pk=reader_of(detector), position=500) for detector in detectors])
    about = {"world": "live", "first": 41, "last": 41, "reason": "raised", "error": "E", "since": datetime.now(UTC)}
    mine = detectors[0]
    stop = DetectorStop.objects.create(detector=mine.name, version=mine.version, position=40, **about)
    DetectorStop.objects.create(detector=mine.name, version=mine.version + 1, position=10, **about)
    DetectorStop.objects.create(detector="gone.long.ago", version=1, position=5, **about)
    assert retention.needs().floor == 40, "what is not installed any more needs nothing"
    stop.delete()
    assert retention.needs().floor == 500


@pytest.mark.django_db
def test_a_webhook_needs_what_it_has_yet_to_hear() -> None:
    factories.live()
    for service in seams.services():
        for one in service.projections:
            Cursor.objects.create(pk=f"projection/{one.name}/{one.version}", position=900)
    Cursor.objects.bulk_create([Cursor(pk=reader_of(one), position=500) for _service, one in seams.detectors()])

    def endpoint(position: int, types: list[str], **more: object) -> Endpoint:
        made = Endpoint.objects.create(
            world="live",
            name="w",
            url="https://x.vn/",
            types=types,
            created_by="t",
            created_at=datetime.now(UTC),
            **more,
        )
        Cursor.objects.create(pk=f"webhook/{made.pk}", position=position)
        return made

    slow = endpoint(30, ["vn.vonglau.traffic.*"])
    endpoint(20, ["vn.vonglau.incident.*"])
    endpoint(10, ["vn.vonglau.traffic.*"], removed_at=datetime.now(UTC))
    assert retention.needs().floor == 30, "of incidents it hears by itself, and one that was removed hears nothing"
    Endpoint.objects.filter(pk=slow.pk).update(paused_at=datetime.now(UTC))
    assert retention.needs().floor == 500
