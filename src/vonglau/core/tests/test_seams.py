"""A stranger's service comes in by the same door as our own, and half a city is no city."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from vonglau.core import manifest, seams
from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.errors import BadManifest
from vonglau.core.events import EventType
from vonglau.core.indicators.definitions import Counted, Indicator, Unit
from vonglau.core.log import Batch
from vonglau.core.options import Option
from vonglau.core.seams import AlertKind, Correlation, IncidentKind, Service


class Outage(Detector):
    name = "street_lighting.outage"
    types = frozenset({"vn.vonglau.street_lighting.lamp"})

    def initial(self) -> int:
        return 0

    def fold(self, state: int, batch: Batch) -> tuple[int, list[AlertDraft]]:
        return state + len(batch), []

    def dump(self, state: int) -> bytes:
        return str(state).encode()

    def load(self, dumped: bytes) -> int:
        return int(dumped)


LIGHTING = Service(
    name="street_lighting",
    title="Chiếu sáng",
    event_types=(EventType(name="vn.vonglau.street_lighting.lamp", title="Đèn", payload=None),),
    detectors=(Outage(),),
    alert_kinds=(AlertKind(code="lamps_out", title="Mất sáng", headline=lambda f: "x", explain=lambda f: "y"),),
    incident_kinds=(IncidentKind(code="lighting_outage", title="Mất sáng"),),
    indicators=(
        Indicator(
            code="lamps_lit",
            title="Đèn sáng",
            definition="…",
            numerator="…",
            denominator=None,
            unit=Unit.COUNT,
            count=lambda scope: Counted(1),
            rows=lambda scope, part: [],
        ),
    ),
)

CACHED = (
    seams.folders,
    seams.services,
    seams.projections,
    seams.event_types,
    seams.upgrades,
    seams.alert_kinds,
    seams.incident_kinds,
    seams.detectors,
    seams.indicators,
)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    for cached in CACHED:
        cached.cache_clear()
    yield
    for cached in CACHED:
        cached.cache_clear()


def plug(monkeypatch: pytest.MonkeyPatch, *loads: object) -> None:
    points = [SimpleNamespace(name="x", value="x.service:service", load=load) for load in loads]
    monkeypatch.setattr(seams, "entry_points", lambda group: points if group == seams.GROUP else [])


def test_everything_it_declares_is_known_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, lambda: LIGHTING)
    assert seams.services() == (LIGHTING,)
    assert set(seams.event_types()) == {"vn.vonglau.street_lighting.lamp"}
    assert seams.alert_kinds()["lamps_out"].title == "Mất sáng"
    assert seams.incident_kinds()["lighting_outage"] == (LIGHTING, LIGHTING.incident_kinds[0])
    assert [(service.name, detector.name) for service, detector in seams.detectors()] == [
        ("street_lighting", "street_lighting.outage")
    ]
    assert {"handled_on_time", "lamps_lit"} <= set(seams.indicators()), "the core's own, and the service's"


def test_order_does_not_depend_on_how_packages_were_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Service(name="air", title="Không khí")
    plug(monkeypatch, lambda: LIGHTING, lambda: other)
    assert [service.name for service in seams.services()] == ["air", "street_lighting"]


def test_a_manifest_that_cannot_be_loaded_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Service:
        raise ImportError("no module named lamps")

    plug(monkeypatch, broken, lambda: LIGHTING)
    with pytest.raises(BadManifest, match="no module named lamps"):
        seams.services()


def test_what_is_no_service_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, lambda: "lamps")
    with pytest.raises(BadManifest, match="is a str"):
        seams.services()


def test_two_services_that_claim_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(LIGHTING, name="lamps", detectors=(), event_types=(), indicators=(), incident_kinds=())
    plug(monkeypatch, lambda: LIGHTING, lambda: other)
    with pytest.raises(BadManifest, match="alert kind 'lamps_out' is declared by lamps and street_lighting"):
        seams.services()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": "Street-Lighting"}, "small letters"),
        ({"event_types": ()}, "nobody declares"),
        ({"alert_kinds": ()}, "alert_kinds"),
        ({"event_types": (EventType(name="lamp", title="", payload=None),)}, "domain backwards"),
        ({"incident_kinds": (IncidentKind(code="x", title="", level="soon"),)}, "choose of urgent"),
        (
            {
                "incident_kinds": (
                    IncidentKind(code="x", title="", correlation=Correlation(alert_kinds=frozenset({"y"}))),
                )
            },
            "waits for alerts y",
        ),
        ({"indicators": (replace(LIGHTING.indicators[0], unit=Unit.PERCENT),)}, "per cent of nothing"),
        ({"settings": (Option("GRACE", "", str, "", ""),)}, "VONGLAU_STREET_LIGHTING_"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said_with_what_to_do(changed: dict[str, Any], says: str) -> None:
    assert any(says in fault for fault in manifest.faults(replace(LIGHTING, **changed)))


def test_our_own_manifests_have_no_faults() -> None:
    for service in seams.services():
        assert list(manifest.faults(service)) == []


def test_our_own_come_in_by_that_door() -> None:
    assert {"traffic", "field_reports"} <= {service.name for service in seams.services()}
