"""The manifest of field reports: what the rest of the house may know about them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from vonglau.core.events import EventType
from vonglau.core.facts import categories, category_groups
from vonglau.core.incidents.states import Outcome, State, Step
from vonglau.core.people import directory
from vonglau.core.routing import rules as routing
from vonglau.core.seams import Aid, Beside, IncidentKind, Letter, Letters, Page, Service, Text
from vonglau.services.field_reports import masking
from vonglau.services.field_reports.demo import day
from vonglau.services.field_reports.indicators import INDICATORS
from vonglau.services.field_reports.intake import KIND, RECEIVED, SERVICE
from vonglau.services.field_reports.options import SETTINGS
from vonglau.services.field_reports.voices.satisfaction import SATISFIED


class Received(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of a received report: references only."""

    reference: str
    incident: str
    category: str
    ward: str


CHANNELS: dict[str, Text] = {
    "open311": _("Ứng dụng, trang web (Open311)"),
    "web": _("Trang phản ánh của thành phố"),
    "demo": _("Ngày diễn tập"),
}


def about(incident: Any) -> Sequence[tuple[Text, str]]:
    """What the desk should know of the reports under an incident; their words and contacts are not among it."""
    from vonglau.services.field_reports.models import Report

    reports = list(Report.objects.filter(incident=incident).order_by("received_at")[:50])
    if not reports:
        return ()
    language = get_language() or "vi"
    rows: list[tuple[Text, str]] = [(_("Phản ánh"), ", ".join(report.reference for report in reports))]
    category = categories().get(incident.category)
    if category is not None:
        group = category_groups()[category.group]
        rows.append((_("Lĩnh vực"), f"{group.name[language]} › {category.name[language]}"))
        existing = {agency.code: agency for agency in directory.agencies(incident.received_at.date())}
        usual = routing.usual(incident.world, category.code, incident.ward, incident.received_at.date())
        if usual in existing:
            name = existing[usual].name_en if language.startswith("en") else existing[usual].name_vi
            rows.append((_("Thường do"), name))
    if incident.state in (State.RECEIVED, State.VERIFIED) and (said := _suggested(reports[0], language)):
        rows.append((_("Máy đề xuất"), said))
    channels = dict.fromkeys(str(CHANNELS.get(report.source, report.source)) for report in reports)
    rows.append((_("Kênh tiếp nhận"), ", ".join(channels)))
    original = next((report.original_category for report in reports if report.original_category), "")
    if original:
        rows.append((_("Loại ở nguồn"), original))
    return rows


def _panel(request: Any, incident: Any) -> str:
    from vonglau.services.field_reports.desk import panel

    return panel.panel(request, incident)


def _pictures(incident: Any, actor: Any) -> Mapping[int, str | None]:
    from vonglau.services.field_reports.desk import panel

    return panel.pictures(incident, actor)


def _suggested(report: Any, language: str) -> str:
    from vonglau.services.field_reports.suggesting import told

    return told.of(report, "en" if language.startswith("en") else "vi")


def _beside(incident: Any) -> Beside | None:
    """Loaded when it is asked for: arrays and a model that no other page needs."""
    from vonglau.services.field_reports import beside

    return beside.beside(incident)


def _aids() -> Sequence[Aid]:
    from vonglau.services.field_reports import aids

    return aids.aids()


def _letter(notice: Any) -> Letter | None:
    from vonglau.services.field_reports.voices import reach

    return reach.letter(notice)


def _gone(notice: Any) -> None:
    from vonglau.services.field_reports.voices import reach

    reach.gone(notice)


def _upkeep() -> None:
    from vonglau.services.field_reports import keeping
    from vonglau.services.field_reports.voices import following

    keeping.run()
    following.tidy()


def _stepped(incident: Any, step: str) -> None:
    from vonglau.services.field_reports.published import writing
    from vonglau.services.field_reports.voices import joining, news

    writing.stepped(incident, step)
    if step == Step.MERGE:
        joining.merged(incident)
    news.happened(incident, step)


def _erase_again(notes: Sequence[Path]) -> list[str]:
    from vonglau.services.field_reports import subjects
    from vonglau.services.field_reports.photos import erasing

    done = [number for folder in notes for number in subjects.again(folder)]
    erasing.unlink_kept()
    return done


service = Service(
    name=SERVICE,
    title=_("Phản ánh hiện trường"),
    event_types=(EventType(name=RECEIVED, title=_("Đã tiếp nhận phản ánh"), payload=Received, direction="out"),),
    incident_kinds=(
        IncidentKind(
            code=KIND, title=_("Phản ánh hiện trường"), proof=frozenset({Outcome.FIXED}), wording="field_reports"
        ),
    ),
    indicators=(*INDICATORS, SATISFIED),
    pages=(
        Page(
            title=_("Duyệt ảnh"),
            url_name="field_reports:photos",
            roles=frozenset({"operator", "supervisor"}),
            icon="photo",
            order=60,
        ),
    ),
    urls="vonglau.services.field_reports.urls",
    about=about,
    panel=_panel,
    pictures=_pictures,
    cover=masking.public,
    beside=_beside,
    aids=_aids,
    stepped=_stepped,
    letters=Letters(of=_letter, gone=_gone),
    upkeep=_upkeep,
    erase_again=_erase_again,
    demo=day,
    settings=SETTINGS,
)
