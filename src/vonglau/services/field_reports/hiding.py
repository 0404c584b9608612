"""Taking a whole report from the public's eyes, and bringing it back, each with a reason. Its reporter and staff see it as before."""

from django.db import transaction

from vonglau.core import audit
from vonglau.core.errors import BadInput, NotAllowed
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world
from vonglau.services.field_reports.models import Report

ROLES = frozenset({"operator", "supervisor"})
HIDE, SHOW = "hide", "unhide"


def may(actor: Actor, report: Report) -> bool:
    return actor.world is None and actor.role in ROLES and policy.may_see(actor, report.incident)


@transaction.atomic
def decide(report: Report, actor: Actor, *, hidden: bool, why: str) -> Report:
    """Hide or show; twice is as once. Raises NotAllowed, BadInput (no reason)."""
    if not may(actor, report):
        raise NotAllowed("Reports are hidden and shown by operators and supervisors.")
    if not why.strip():
        raise BadInput("Say why: whoever reads this report later needs to know.", pointer="/why")
    incident = Incident.objects.select_for_update().get(pk=report.incident_id)
    kept = Report.objects.select_for_update().get(pk=report.pk)
    if (kept.hidden_at is not None) == hidden:
        return kept
    at = world(kept.world).now()
    kept.hidden_at = at if hidden else None
    kept.save(update_fields=["hidden_at"])
    step = HIDE if hidden else SHOW
    body = {
        "at": at.isoformat(timespec="microseconds"),
        "who": actor.name,
        "role": actor.role,
        "step": step,
        "report": kept.reference,
        "why": audit.note(incident.stream, why.strip()),
    }
    audit.record(incident.stream, body)
    desk.tell(incident, step, actor.name)
    return kept
