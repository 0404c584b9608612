"""What citizens wrote after their report, on the incident's page: additions, answers, words of verdicts.

Everybody who may see the incident reads them covered, as in the timeline. As written they are opened by who works on it, all that are
there with one press; what comes afterwards is covered until it is asked for again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vonglau.core import audit
from vonglau.core.audit_models import Note
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.people.policy import Actor
from vonglau.services.field_reports import looking, masking, replies
from vonglau.services.field_reports.looking import Seen
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.voices import verdicts

STEPS = (replies.COMMENT, verdicts.STEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """One text. `parts`: the words in order, and which of them nobody sees who has not looked; empty until they are asked for."""

    incident: Incident
    """Whose chain it stands in: of a merged report its keeper."""
    n: int
    at: datetime
    reference: str
    verdict: bool
    public: str
    parts: Sequence[tuple[str, bool]]


def of(incident: Incident, reports: Sequence[Report], actor: Actor) -> list[Later]:
    """The oldest first. `reports`: those of the incident; of one that was merged also what went to its keeper since."""
    own = {one.reference for one in reports}
    found = list(_in(incident, None, actor))
    whole = desk.fate(incident)
    if whole.pk != incident.pk and looking.works_on(actor, whole):
        found += _in(whole, own, actor)
    return sorted(found, key=lambda one: one.at)


def _in(incident: Incident, wanted: set[str] | None, actor: Actor) -> Iterator[Later]:
    bodies = [(row.n, body) for row, body in audit.rows(incident.stream)]
    said = [
        (n, body)
        for n, body in bodies
        if body.get("step") in STEPS and body.get("why") and (wanted is None or body.get("report") in wanted)
    ]
    notes = dict(Note.objects.filter(pk__in=[body["why"]["note"] for _n, body in said]).values_list("pk", "text"))
    opened = _opened([body for _n, body in bodies], actor) if looking.works_on(actor, incident) else {}
    for n, body in said:
        text, reference = notes.get(body["why"]["note"]), str(body.get("report", ""))
        if text:
            yield Later(
                incident=incident,
                n=n,
                at=datetime.fromisoformat(body["at"]),
                reference=reference,
                verdict=body["step"] == verdicts.STEP,
                public=masking.public(text),
                parts=masking.parts(text) if n <= opened.get(reference, 0) else (),
            )


def _opened(bodies: Sequence[dict[str, Any]], actor: Actor) -> dict[str, int]:
    """By report the last row of the chain that this person has looked at, on record."""
    found: dict[str, int] = {}
    for body in bodies:
        if (body.get("step"), body.get("what"), body.get("who")) == ("look", Seen.LATER.value, actor.name):
            reference = str(body.get("report", ""))
            found[reference] = max(found.get(reference, 0), int(body.get("until", 0)))
    return found


def look(incident: Incident, actor: Actor) -> None:
    """Open all that is there now. Raises NotAllowed."""
    reports = list(Report.objects.filter(incident=incident))
    last = {(one.incident.pk, one.reference): one for one in of(incident, reports, actor)}
    for one in last.values():
        looking.account_later(one.incident, actor, one.reference, one.n)
