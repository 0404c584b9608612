"""Identity, redelivery, correlation in space and time, and what the incident says about it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import translation

from vonglau.core import alerts, audit
from vonglau.core.alert_models import Alert
from vonglau.core.changes import Change
from vonglau.core.detection import AlertDraft, Certainty, Detector, Severity, Urgency
from vonglau.core.events import to_us
from vonglau.core.incidents.desk import take
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.phrases import join_words
from vonglau.core.seams import Correlation, IncidentKind, Service
from vonglau.core.tests.factories import MONDAY, OPERATOR, drill, live

pytestmark = pytest.mark.django_db

JAM = AlertDraft(
    identity="a1",
    kind="congestion",
    severity=Severity.MODERATE,
    urgency=Urgency.IMMEDIATE,
    certainty=Certainty.LIKELY,
    onset_us=to_us(MONDAY),
    updated_us=to_us(MONDAY),
    subject="dt-01",
    lon=108.2272,
    lat=16.0612,
    facts={"name": "Cầu Rồng <script>", "quantity": "speed", "loss": 0.5},
    evidence=(3, 4),
)

KIND = IncidentKind(
    code="traffic_congestion",
    title="Ùn tắc",
    urgent_from=3,
    correlation=Correlation(alert_kinds=frozenset({"congestion"}), min_rank=2, metres=300, window=timedelta(hours=1)),
)
SERVICE = Service(name="traffic", title="Giao thông", incident_kinds=(KIND,))


class _Named(Detector):
    name = "traffic.anomaly"
    types = frozenset()

    def initial(self):  # type: ignore[no-untyped-def]
        return None

    fold = dump = load = initial  # type: ignore[assignment]


RULE = _Named()


@pytest.fixture(autouse=True)
def _world() -> None:
    live()


def store(*drafts: AlertDraft, world: str = "live") -> list[Alert]:
    return alerts.store(world, alerts.Sayer.of(SERVICE, RULE), drafts, lambda lon, lat: ("20194", True))


def later(draft: AlertDraft, minutes: int, **more: object) -> AlertDraft:
    return replace(draft, updated_us=draft.updated_us + minutes * 60_000_000, **more)


def moved(draft: AlertDraft, identity: str, metres_north: float, minutes: int = 0) -> AlertDraft:
    onset = draft.onset_us + minutes * 60_000_000
    return replace(draft, identity=identity, lat=draft.lat + metres_north / 111_195, onset_us=onset, updated_us=onset)


def test_an_alert_opens_an_incident_with_its_place_and_words() -> None:
    (alert,) = store(JAM)
    incident = alert.incident
    assert (incident.ward, incident.near_border, incident.origin, incident.rank) == ("20194", True, "alert", 2)
    assert "Cầu Rồng" in incident.title
    assert alert.joined == {"by": "opened"}


def test_sent_again_it_changes_nothing() -> None:
    store(JAM)
    before = Change.objects.count()
    assert store(JAM) == []
    assert (Alert.objects.count(), Incident.objects.count(), Change.objects.count()) == (1, 1, before)


def test_an_older_draft_never_overwrites_a_newer_one() -> None:
    store(later(JAM, 10, severity=Severity.SEVERE))
    assert store(JAM) == []
    assert Alert.objects.get().severity == "Severe"


def test_a_graver_alert_makes_its_open_incident_graver_and_says_so() -> None:
    store(JAM)
    store(later(JAM, 5, severity=Severity.SEVERE))
    incident = Incident.objects.get()
    assert (incident.rank, incident.version) == (3, 2)
    assert [body["step"] for _row, body in audit.rows(incident.stream)] == ["receive", "worsens"]


def test_near_in_space_and_time_joins_and_says_why() -> None:
    store(JAM)
    (second,) = store(moved(JAM, "a2", 180, minutes=4))
    assert Incident.objects.count() == 1
    assert second.joined["by"] == "near"
    assert 178 <= second.joined["metres"] <= 182
    assert second.joined["seconds"] == 240


@pytest.mark.parametrize(("metres", "minutes"), [(400, 4), (100, 90)])
def test_too_far_or_too_late_opens_another(metres: float, minutes: int) -> None:
    store(JAM)
    store(moved(JAM, "a2", metres, minutes))
    assert Incident.objects.count() == 2


BASIN = replace(
    KIND,
    code="flood",
    correlation=Correlation(alert_kinds=frozenset({"congestion"}), same="basin", window=timedelta(hours=1)),
)


def in_basin(basin: str | None, identity: str, metres_north: float, minutes: int = 0) -> Alert:
    draft = moved(JAM, identity, metres_north, minutes)
    draft = replace(draft, facts={**JAM.facts, **({"basin": basin} if basin else {})})
    by = alerts.Sayer.of(replace(SERVICE, incident_kinds=(BASIN,)), RULE)
    return alerts.store("live", by, [draft], lambda lon, lat: ("20194", True))[0]


def test_what_belongs_to_one_whole_joins_however_far_and_nothing_else_does() -> None:
    first, far = in_basin("/b/1", "a1", 0), in_basin("/b/1", "a2", 5_000, minutes=4)
    assert far.incident == first.incident
    assert far.joined == {"by": "same", "what": "/b/1", "seconds": 240}
    assert in_basin("/b/2", "a3", 10).incident != first.incident
    assert in_basin("/b/1", "a4", 0, minutes=90).incident != first.incident
    with translation.override("en"):
        assert join_words(far.joined) == "because of the same /b/1, 4 minutes away"


def test_without_the_fact_nearness_decides() -> None:
    first, near, far = in_basin(None, "a1", 0), in_basin(None, "a2", 180), in_basin(None, "a3", 400)
    assert near.incident == first.incident != far.incident


def test_what_is_finished_takes_no_more_alerts() -> None:
    (alert,) = store(JAM)
    from vonglau.core.incidents.desk import Details

    take("live", alert.incident.ref, "refuse", OPERATOR, Details(outcome="unfounded", why="Cảm biến lỗi"))
    store(moved(JAM, "a2", 50, 4))
    assert Incident.objects.count() == 2


def test_minor_alerts_and_other_kinds_open_nothing() -> None:
    store(replace(JAM, severity=Severity.MINOR), replace(JAM, identity="b", kind="abnormal_traffic"))
    assert Incident.objects.count() == 0
    assert Alert.objects.count() == 2


def test_urgent_from_a_rank_on() -> None:
    (alert,) = store(replace(JAM, severity=Severity.SEVERE))
    assert alert.incident.level == "urgent"


def test_the_same_alert_in_two_worlds_is_two() -> None:
    drill()
    store(JAM)
    store(JAM, world="drill-1")
    assert sorted(Incident.objects.values_list("world", flat=True)) == ["drill-1", "live"]


def test_metres_are_metres() -> None:
    assert alerts.metres(108.2, 16.0, 108.2, 17.0) == pytest.approx(111_195, rel=1e-4)
    assert alerts.metres(179.9, 0, -179.9, 0) == pytest.approx(22_239, rel=1e-3)
    assert alerts.metres(1, 1, 1, 1) == 0
