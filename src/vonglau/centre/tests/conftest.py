"""A small city: two worlds, two wards, two agencies, a person of each role, and makers of incidents and alerts."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polib
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from vonglau import centre
from vonglau.core import alerts
from vonglau.core.alert_models import Alert
from vonglau.core.detection import AlertDraft, Certainty, Severity, Urgency, identity
from vonglau.core.events import to_us
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people.models import Agency, User
from vonglau.core.people.policy import Actor
from vonglau.core.places.models import Ward
from vonglau.core.seams import detectors, services
from vonglau.core.worlds import World, WorldKind, ensure_world

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""09:00 in Đà Nẵng on an ordinary working Monday."""
TITLE = "Ùn tắc ở cầu Rồng"


@pytest.fixture(scope="session", autouse=True)
def _words() -> None:
    """English as a build compiles it: a checkout holds the texts, not their compiled form."""
    for path in Path(centre.__file__).parent.parent.rglob("locale/en/LC_MESSAGES/django.po"):
        compiled = path.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime:
            polib.pofile(str(path)).save_as_mofile(str(compiled))


@pytest.fixture
def city(db: None, settings: Any, tmp_path: Path) -> World:
    """The drill `drill-1` at 09:00 of a Monday, its clock standing still, and `live` beside it."""
    settings.VONGLAU_DATA = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.VONGLAU_DOOR = ""
    cache.clear()
    ensure_world("live", WorldKind.LIVE, "48", "Thật", "Live")
    world = ensure_world(
        "drill-1",
        WorldKind.DRILL,
        "48",
        "Diễn tập mùa mưa",
        "Rainy season drill",
        clock_start=NOW,
        clock_set_at=datetime.now(UTC),
        clock_rate=0.0,
    )
    for code, name, english in (
        ("20194", "Phường Hải Châu", "Hai Chau Ward"),
        ("20242", "Phường An Hải", "An Hai Ward"),
    ):
        Ward.objects.create(
            code=code,
            valid_from=date(2025, 7, 1),
            name_vi=name,
            name_en=english,
            short_name_vi=name.split(" ", 1)[1],
            type="Phường",
            source="test",
            province_code="48",
        )
    agency("so-xay-dung", "Sở Xây dựng", "Department of Construction", categories=["traffic_congestion", "pothole"])
    agency("phuong-hai-chau", "UBND phường Hải Châu", "Hai Chau People's Committee", kind="ward", wards=["20194"])
    return world


def agency(code: str, name: str, english: str, **more: Any) -> Agency:
    fields = {"kind": "department", "valid_from": date(2025, 7, 1), **more}
    return Agency.objects.create(code=code, name_vi=name, name_en=english, **fields)


Sign = Callable[..., Client]


@pytest.fixture
def sign_in(city: World) -> Sign:
    """sign_in("operator") → a client whose pages show the drill."""

    def signed(role: str, agency: str = "", language: str = "vi", name: str = "") -> Client:
        user = User.objects.filter(username=name or f"{role}.{agency or 'tt'}").first() or User.objects.create(
            username=name or f"{role}.{agency or 'tt'}",
            first_name={"operator": "Nguyễn Thị Trực", "supervisor": "Trần Trưởng Ca"}.get(role, "Lê Văn Bình"),
            role=role,
            language=language,
            agency=Agency.objects.get(code=agency) if agency else None,
        )
        client = Client()
        client.force_login(user)
        session = client.session
        session["world"], session["language"] = city.pk, language
        session.save()
        return client

    return signed


def actor(role: str = "operator", agency: str = "") -> Actor:
    found = Agency.objects.get(code=agency) if agency else None
    return Actor(f"{role}.{agency or 'tt'}", role, found.pk if found else None, agency)


def incident(
    title: str = TITLE, *, at: datetime = NOW - timedelta(minutes=10), origin: str = "report", **more: Any
) -> Incident:
    fields = {
        "kind": "traffic_congestion", "service": "traffic", "lon": 108.227, "lat": 16.061, "ward": "20194", "rank": 3,
        "world": "drill-1", **more,
    }  # fmt: skip
    return desk.open_incident(desk.Opening(title=title, origin=origin, at=at, **fields), actor())


def step(
    found: Incident, name: str, *, by: Actor | None = None, at: datetime | None = None, **details: Any
) -> Incident:
    return desk.take(found.world, found.ref, name, by or actor("supervisor"), desk.Details(**details), at=at)


def in_hands_of(code: str, **more: Any) -> Incident:
    found = incident(**more)
    step(found, "verify")
    return step(found, "assign", agency=code)


def alert(
    cause: str = "a", *, severity: Severity = Severity.SEVERE, onset: datetime = NOW - timedelta(minutes=5), **more: Any
) -> Alert:
    """An alert of the traffic service, as its detector would draft it; it opens or joins an incident."""
    service, detector = next(pair for pair in detectors() if pair[0].name == "traffic")
    fields = {
        "identity": identity("test", cause), "kind": "congestion", "subject": "dn-cau-rong-02",
        "severity": severity, "urgency": Urgency.IMMEDIATE, "certainty": Certainty.OBSERVED,
        "onset_us": to_us(onset), "updated_us": to_us(onset), "lon": 108.227, "lat": 16.061,
        "facts": {
            "name": "Cầu Rồng", "quantity": "speed", "unit": "km/h", "seen": 8.0, "expected": 34.0, "low": 28.0,
            "high": 40.0, "worst_seen": 7.0, "worst_expected": 34.0, "loss": 0.76, "learnt_from": 40, "learnt_days": 9,
            "duration_s": 600, "direction": "low",
        },
        "series": ((to_us(onset), 8.0, 34.0, 28.0, 40.0),), **more,
    }  # fmt: skip
    assert service in services()
    by = alerts.Sayer.of(service, detector)
    return alerts.store("drill-1", by, [AlertDraft(**fields)], lambda lon, lat: ("20194", False))[0]


def photo(form: str = "PNG", size: tuple[int, int] = (40, 30), name: str = "a.jpg", **save: Any) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, form, **save)
    return SimpleUploadedFile(name, out.getvalue(), content_type="image/jpeg")
