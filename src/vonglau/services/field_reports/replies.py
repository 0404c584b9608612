"""What a citizen adds to a report already sent: a comment, an objection that reopens it, a confirmation that closes it.

Only the programme that sent the report may add to it, and who holds its secret link (`answer`). The words lie in the audit's erasable
notes; of the chain they have a salted digest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from vonglau.core import audit
from vonglau.core.audit_models import AuditRow, Note
from vonglau.core.errors import NotAllowed, StepNotPossible
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN, State, Step
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world
from vonglau.services.field_reports.models import Report

COMMENT = "comment"

REASONS = {Step.REOPEN: _("Người phản ánh không đồng ý với kết quả; lý do ở ý kiến ngay trước.")}
"""What the table wants to be said of a step. The citizen's own words stand in one place, their comment, so that they can be erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`identity` is its number at the sender: sent twice, kept once. `words`: empty where photos speak. `solved`: the citizen's own view;
    None says nothing about it."""

    identity: str
    words: str
    written_at: datetime
    solved: bool | None = None


Then = Callable[[Incident], None]


CITIZEN = Actor("web", "reporter")
"""Who holds the secret link; in the chain a citizen has no name."""
MOST = 20
"""What one report may be added to by its page: a link that leaked is no way to fill the desk."""


class TooMany(StepNotPossible):
    """It was added to often enough."""


def receive(report: Report, reply: Reply, actor: Actor, then: Then | None = None) -> int:
    """Keep a reply of the programme that sent the report. As `_kept`, and NotAllowed for another programme's report."""
    if report.sent_by != actor.name:
        raise NotAllowed("This report was sent with another key: only who sent it may add to it.")
    return _kept(report, reply, actor, then)


def open_to(report: Report) -> bool:
    """Whether its page takes more: while the work goes on. A result is answered by a verdict."""
    return report.erased_at is None and desk.fate(report.incident).state in OPEN


def answer(report: Report, reply: Reply, then: Then | None = None) -> int:
    """Keep what the reporter adds on their own page, whichever way the report came. As `_kept`, and StepNotPossible (the work has ended),
    TooMany."""
    return _kept(report, reply, CITIZEN, then, on_page=True)


@transaction.atomic
def _kept(report: Report, reply: Reply, actor: Actor, then: Then | None, *, on_page: bool = False) -> int:
    """Keep a reply; its place in the audit stream of the incident it went to.

    It goes where the work is: a merged report's to its keeper. Not solved after a result was given: the incident is reopened, as far as
    the time to object lasts. Solved: a result waiting for consent is closed. While the clock waits for the citizen it goes on.
    Raises StepNotPossible (too late to object).
    """
    incident = Incident.objects.select_for_update().get(pk=desk.fate(report.incident).pk)
    mine = 0
    for earlier, said in audit.rows(incident.stream):
        if said.get("step") != COMMENT or said.get("who") != actor.name or said.get("report") != report.reference:
            continue
        if said.get("reply") == reply.identity:
            return earlier.n
        mine += 1
    if on_page and not open_to(report):
        raise StepNotPossible("The work on this report has ended.", state=incident.state)
    if on_page and mine >= MOST:
        raise TooMany(f"At most {MOST} additions to one report.", state=incident.state)
    body: dict[str, Any] = {
        "at": world(incident.world).now().isoformat(timespec="microseconds"),
        "who": actor.name,
        "role": actor.role,
        "step": COMMENT,
        "report": report.reference,
        "reply": reply.identity,
    }
    if reply.words:
        body["why"] = audit.note(incident.stream, reply.words)
    row = audit.record(incident.stream, body)
    if then is not None:
        then(incident)
    step = _step(incident, reply)
    if step is None:
        desk.tell(incident, COMMENT, actor.name)
    else:
        why = str(REASONS.get(step, ""))
        desk.take(incident.world, incident.ref, step, actor, desk.Details(why=why))
    return row.n


def _step(incident: Incident, reply: Reply) -> Step | None:
    """What the reply means for the incident; None: words for the desk, no more."""
    if incident.paused_at is not None:
        return Step.RESUME
    if incident.resolved_at is None or reply.written_at < incident.resolved_at.replace(microsecond=0):
        return None  # nothing to agree or disagree with, or written before the result; senders give whole seconds
    if reply.solved is False and incident.state in (State.RESOLVED, State.CLOSED):
        return Step.REOPEN
    return Step.CLOSE if reply.solved and incident.state == State.RESOLVED else None


def forget(report: Report) -> int:
    """Erase the words of every reply to a report; the rows of the chain stay. How many there were."""
    streams = {report.incident.stream, desk.fate(report.incident).stream}
    texts = [
        body["why"]["note"]
        for _row, body in audit.decoded(AuditRow.objects.filter(stream__in=streams))
        if body.get("step") == COMMENT and body.get("report") == report.reference and "why" in body
    ]
    return Note.objects.filter(pk__in=texts).delete()[0]
