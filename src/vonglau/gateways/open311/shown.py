"""A report as anybody may see it: never a contact, an address or a link of a citizen; their words, with numbers and
plates covered, only after the desk has verified it."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from vonglau.core.facts import categories
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OUTCOME_NAMES, STATE_NAMES, State
from vonglau.core.people.names import agency_name
from vonglau.gateways.open311 import arguments
from vonglau.gateways.open311.offers import language
from vonglau.services.field_reports import attributes, rules
from vonglau.services.field_reports.models import Content, Report


def fate_of(incident: Incident) -> rules.Fate:
    return rules.Fate(incident.state, incident.verified_at, incident.resolved_at, incident.closed_at)


def standing(report: Report) -> Incident:
    """The incident whose state counts for the report: its own, or the one that was merged into."""
    own = report.incident
    return own.keeper if own.state == State.MERGED and own.keeper is not None else own


def updated_at(report: Report) -> datetime:
    """When it last took a step of its own, or was closed: the specification wants the time of closing then."""
    incident = standing(report)
    ended = rules.ended_at(fate_of(incident))
    moments = (report.received_at, incident.verified_at, incident.assigned_at, incident.started_at)
    return ended or max(one for one in moments if one is not None)


def _content(report: Report) -> Content | None:
    """What the citizen wrote, where it may be shown and is still kept."""
    return getattr(report, "content", None) if rules.text_is_public(fate_of(report.incident)) else None


def request(report: Report) -> dict[str, Any]:
    own, incident = report.incident, standing(report)
    category, content = categories().get(report.category), _content(report)
    due = incident.due_at if incident.state == State.RECEIVED else incident.handle_due
    return {
        "service_request_id": report.reference,
        "status": "open" if rules.is_open(fate_of(incident)) else "closed",
        "status_notes": notes(incident, merged=own is not incident),
        "service_name": category.name[language()] if category else None,
        "service_code": report.category,
        "description": (content.public_words if content else "") or None,
        "agency_responsible": agency_name(incident.agency) or None,
        "service_notice": None,
        "requested_datetime": arguments.local(report.received_at),
        "updated_datetime": arguments.local(updated_at(report)),
        "expected_datetime": arguments.local(due),
        "address": own.place or None,
        "address_id": None,
        "zipcode": None,
        "lat": report.lat,
        "long": report.lon,
        "media_url": None,
    }


def extended(report: Report) -> dict[str, Any]:
    """What `extensions=true` adds: the real state, both deadlines, and the answers that hold no free words."""
    incident, category, content = standing(report), categories().get(report.category), _content(report)
    answers = attributes.public(category, content.attributes) if category and content else {}
    return {
        "attributes": [_answered(code, value) for code, value in answers.items()],
        "extended_attributes": {
            "state": incident.state,
            "state_name": incident.state_name,
            "outcome": incident.outcome or None,
            "level": incident.level,
            "channel": report.source,
            "ward": report.ward or None,
            "receive_due": arguments.local(incident.receive_due),
            "handle_due": arguments.local(incident.handle_due),
            "waits_for_citizen": incident.paused_at is not None,
            "reopened": incident.reopened,
            "planned_for": incident.planned_for.isoformat() if incident.planned_for else None,
            "duplicate": incident is not report.incident,
        },
    }


def _answered(code: str, value: attributes.Answer) -> dict[str, Any]:
    return {"code": code, "values": [value] if isinstance(value, str) else value}


def notes(incident: Incident, *, merged: bool = False) -> str:
    """The real state in words, since the specification knows only open and closed."""
    parts = [str(STATE_NAMES[State(incident.state)])]
    if incident.outcome:
        parts.append(str(OUTCOME_NAMES[incident.outcome]))
    if incident.planned_for is not None:
        parts.append(incident.planned_for.isoformat())
    if incident.paused_at is not None:
        parts.append(_("chờ người dân bổ sung"))
    told = " – ".join(parts)
    return _("Đã gộp vào một sự việc khác: %(state)s") % {"state": told} if merged else told
