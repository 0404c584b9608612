"""Small makers for the core's tests: one agency, two worlds, actors of each role."""

import io
from datetime import UTC, date, datetime

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from vonglau.core.incidents.desk import Opening, open_incident
from vonglau.core.incidents.files import Where, attach
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.models import Agency
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import WorldKind, ensure_world

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
"""08:00 in Đà Nẵng on an ordinary working Monday."""

OPERATOR = Actor("truc.ban", "operator")
SUPERVISOR = Actor("truong.ca", "supervisor")
LEADER = Actor("lanh.dao", "leader")


def live() -> None:
    ensure_world("live", WorldKind.LIVE, "48", "Thật", "Live")


def drill(id: str = "drill-1") -> None:
    ensure_world(id, WorldKind.DRILL, "48", "Diễn tập", "Drill", clock_start=MONDAY, clock_set_at=datetime.now(UTC))


def agency(code: str = "xay-dung", **more: object) -> Agency:
    defaults = {"name_vi": "Sở Xây dựng", "name_en": "Department of Construction", "kind": "department"}
    return Agency.objects.create(code=code, valid_from=date(2025, 7, 1), **{**defaults, **more})


def agent(of: Agency) -> Actor:
    return Actor("can.bo", "agency", of.pk, of.code)


def incident(world: str = "live", origin: str = "report", at: datetime = MONDAY, **more: object) -> Incident:
    fields: dict[str, object] = {
        "kind": "field_report",
        "service": "field_reports",
        "title": "Đèn đường không sáng",
        **more,
    }
    return open_incident(Opening(world=world, origin=origin, at=at, **fields), OPERATOR)  # type: ignore[arg-type]


def picture(colour: str = "teal") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "JPEG")
    return SimpleUploadedFile("anh.jpg", out.getvalue())


def prove(found: Incident, by: Actor = SUPERVISOR, colour: str = "teal") -> Evidence:
    """The photo of staff, with its place, without which no field report is `fixed`."""
    return attach(found, by, picture(colour), where=Where(lon=108.22, lat=16.06))
