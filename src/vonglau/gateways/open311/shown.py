"""A report as anybody may see it: never a contact, an address or a link of a citizen; their words, with numbers and
plates covered, only after the desk has verified it."""

from typing import Any

from django.utils.translation import gettext as _

from vonglau.core.facts import categories
from vonglau.core.incidents.states import OUTCOME_NAMES, STATE_NAMES, State
from vonglau.core.people.names import agency_name
from vonglau.gateways.open311 import arguments
from vonglau.gateways.open311.offers import language
from vonglau.services.field_reports import attributes, rules
from vonglau.services.field_reports.models import PublicReport, Report
from vonglau.services.field_reports.published import deriving


def request(row: PublicReport) -> dict[str, Any]:
    category = categories().get(row.category)
    due = row.receive_due if row.state == State.RECEIVED else row.handle_due
    return {
        "service_request_id": row.reference,
        "status": "open" if row.running else "closed",
        "status_notes": notes(row),
        "service_name": category.name[language()] if category else None,
        "service_code": row.category,
        "description": row.words or None,
        "agency_responsible": agency_name(row.agency) or None,
        "service_notice": None,
        "requested_datetime": arguments.local(row.received_at),
        "updated_datetime": arguments.local(row.updated_at),
        "expected_datetime": arguments.local(due),
        "address": row.place or None,
        "address_id": None,
        "zipcode": None,
        "lat": row.lat,
        "long": row.lon,
        "media_url": None,
    }


def extended(row: PublicReport, report: Report) -> dict[str, Any]:
    """What `extensions=true` adds: the real state, both deadlines, and the answers that hold no free words."""
    own, category = report.incident, categories().get(row.category)
    content = getattr(report, "content", None) if rules.text_is_public(deriving.fate_of(own)) else None
    answers = attributes.public(category, content.attributes) if category and content else {}
    return {
        "attributes": [_answered(code, value) for code, value in answers.items()],
        "extended_attributes": {
            "state": row.state,
            "state_name": str(STATE_NAMES[State(row.state)]),
            "outcome": row.outcome or None,
            "level": row.level,
            "channel": report.source,
            "ward": row.ward or None,
            "receive_due": arguments.local(row.receive_due),
            "handle_due": arguments.local(row.handle_due),
            "waits_for_citizen": row.waiting,
            "reopened": row.reopened,
            "planned_for": row.planned_for.isoformat() if row.planned_for else None,
            "duplicate": row.merged,
        },
    }


def _answered(code: str, value: attributes.Answer) -> dict[str, Any]:
    return {"code": code, "values": [value] if isinstance(value, str) else value}


def notes(row: PublicReport) -> str:
    """The real state in words, since the specification knows only open and closed."""
    parts = [str(STATE_NAMES[State(row.state)])]
    if row.outcome:
        parts.append(str(OUTCOME_NAMES[row.outcome]))
    if row.planned_for is not None:
        parts.append(row.planned_for.isoformat())
    if row.waiting:
        parts.append(_("chờ người dân bổ sung"))
    told = " – ".join(parts)
    return _("Đã gộp vào một sự việc khác: %(state)s") % {"state": told} if row.merged else told
