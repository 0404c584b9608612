"""What people think of a result. A bad verdict within the time to object may ask for the matter to be taken up again: that is the step
`reopen` of the state table, which decides whether it is still possible. No rule of its own stands here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict, StepNotPossible
from vonglau.core.incidents import clocks, desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State, Step
from vonglau.core.worlds import world
from vonglau.services.field_reports import masking
from vonglau.services.field_reports.models import Verdict, Voice
from vonglau.services.field_reports.replies import CITIZEN, REASONS
from vonglau.services.field_reports.voices.joining import PEOPLE

STEP = "verdict"
WORDS = 2000
"""Characters."""
GOOD_FROM = 4
BAD_TO = 3
"""Up to this score a verdict may object: who finds it good has nothing to object to."""
SCORES: dict[int, Promise] = {
    1: _("Rất kém"),
    2: _("Kém"),
    3: _("Tạm được"),
    4: _("Tốt"),
    5: _("Rất tốt"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a voice can say of a result now."""

    result: bool
    """There is one."""
    given: Verdict | None
    """What it said of this result."""
    last: Verdict | None
    """What it said of an earlier one that was taken back since."""
    ends: datetime | None
    """When the time to object ends, or ended."""
    may_object: bool
    over: bool
    """The time to object has ended."""
    hours: float
    """Working hours of that time."""
    ours: bool
    """That time is the installation's own choice, no instrument's."""
    source: str


def standing(voice: Voice | None, report: Any, now: datetime) -> Standing:
    """`voice` None: a reporter who has asked for nothing yet."""
    whole = desk.fate(report.incident)
    result = whole.resolved_at is not None and whole.state in (State.RESOLVED, State.CLOSED)
    ends = clocks.objection_ends(whole) if result else None
    mine = list(voice.verdicts.filter(incident=whole).order_by("-round").select_related("note")) if voice else []
    given = next((one for one in mine if one.round == whole.reopened), None)
    limit = clocks.level(whole.level).limit("objection", timezone.localdate(whole.resolved_at or now))
    in_time = ends is not None and now <= ends
    return Standing(
        result=result,
        given=given,
        last=mine[0] if mine and given is None else None,
        ends=ends,
        may_object=in_time and given is None and (voice is None or voice.part in PEOPLE),
        over=ends is not None and not in_time,
        hours=limit.duration.total_seconds() / 3600,
        ours=limit.basis != "regulation",
        source=limit.source,
    )


@transaction.atomic
def give(voice: Voice, score: int, words: str, *, objects: bool = False) -> Verdict:
    """One for each result. Raises BadInput (score, words), Conflict (given already), StepNotPossible (no result, or too late)."""
    words = words.strip()
    if score not in SCORES:
        raise BadInput("A verdict is a number from 1 to 5.", pointer="/score")
    if len(words) > WORDS:
        raise BadInput(f"At most {WORDS} characters.", pointer="/words")
    if objects and (score > BAD_TO or voice.part not in PEOPLE):
        raise BadInput(
            f"Only who has the trouble, and gives at most {BAD_TO}, objects to a result.", pointer="/objects"
        )
    if objects and not words:
        raise BadInput("Say what is not right.", pointer="/words")
    voice = Voice.objects.select_for_update(of=("self",)).select_related("report__incident__keeper").get(pk=voice.pk)
    whole = Incident.objects.select_for_update().get(pk=desk.fate(voice.report.incident).pk)
    if whole.resolved_at is None or whole.state not in (State.RESOLVED, State.CLOSED):
        raise StepNotPossible("There is no result to judge.", state=whole.state)
    if Verdict.objects.filter(voice=voice, incident=whole, round=whole.reopened).exists():
        raise Conflict("This voice has judged this result already.")
    at = world(whole.world).now()
    body: dict[str, Any] = {
        "at": at.isoformat(timespec="microseconds"),
        "who": CITIZEN.name,
        "role": CITIZEN.role,
        "step": STEP,
        "report": voice.report.reference,
        "score": score,
    }
    if words:
        body["why"] = audit.note(whole.stream, words)
    made = Verdict.objects.create(
        voice=voice,
        incident=whole,
        round=whole.reopened,
        score=score,
        objects_to=objects,
        note_id=body["why"]["note"] if words else None,
        public_words=masking.public(words),
        at=at,
    )
    audit.record(whole.stream, body)
    if objects:
        with translation.override("vi"):  # it is kept, and the desk reads it, whatever language the page was in
            why = str(REASONS[Step.REOPEN])
        desk.take(whole.world, whole.ref, Step.REOPEN, CITIZEN, desk.Details(why=why))
    else:
        desk.tell(whole, STEP, CITIZEN.name)
    return made


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one result, for anybody: how many judged it, and the mean."""

    count: int
    mean: float


def summary(whole: Incident) -> Summary | None:
    """Of those who have the trouble, each once. None while nobody has judged it."""
    scores = list(
        Verdict.objects.filter(
            incident=whole, round=whole.reopened, voice__part__in=PEOPLE, voice__counted=True
        ).values_list("score", flat=True)
    )
    return Summary(len(scores), sum(scores) / len(scores)) if scores else None
