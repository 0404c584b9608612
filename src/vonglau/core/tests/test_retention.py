"""How long each type is kept, and who may still need it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from vonglau.core import retention, seams
from vonglau.core.events import to_us
from vonglau.core.facts import Text
from vonglau.core.incidents.models import Incident
from vonglau.core.models import Alert, Cursor
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
