"""What happened to incidents, step by step, as others may read it: out of the audit rows, without names or free texts.

The rows are the one place that knows every step with its moment. Those of a period are found by halving (`audit.rows_since`), so that
neither a search for what changed nor the list of updates slows as reports are added.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from vonglau.core import audit
from vonglau.core.audit_models import AuditRow
from vonglau.core.incidents import wording
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OUTCOME_NAMES, STATE_NAMES, STEP_NAMES, State, Step
from vonglau.core.people.names import NamesByDay
from vonglau.core.worlds import World
from vonglau.gateways.open311 import arguments
from vonglau.gateways.open311.offers import language
from vonglau.services.field_reports.intake import KIND
from vonglau.services.field_reports.models import SEALED, Report

TOLD = frozenset(
    {
        Step.VERIFY,
        Step.REFUSE,
        Step.MERGE,
        Step.ASSIGN,
        Step.TRANSFER,
        Step.START,
        Step.PAUSE,
        Step.RESUME,
        Step.RESOLVE,
        Step.CLOSE,
        Step.REOPEN,
    }
)
"""Steps that a citizen is told. Notes, evidence, and who handed what to whom stay inside."""
RECEIVE = "receive"

MARGIN = timedelta(minutes=5)
"""For writers that overlap: longer than any transaction lasts."""
FIRST = datetime(1971, 1, 1, tzinfo=UTC)
"""Earlier than any row."""
TOGETHER = 500
"""Rows whose reports are looked up at once."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken. `ref`: the incident's number; `n`: the step's place in its audit stream."""

    ref: str
    n: int
    at: datetime
    """On the world's clock."""
    step: str
    body: Mapping[str, Any]

    @property
    def state(self) -> str:
        return str(self.body.get("to", ""))


def _taken(row: AuditRow, body: Mapping[str, Any], world_id: str) -> Taken | None:
    prefix = f"incident/{world_id}/"
    if not row.stream.startswith(prefix) or not body.get("at"):
        return None
    ref = row.stream.removeprefix(prefix)
    return Taken(ref, row.n, datetime.fromisoformat(body["at"]), str(body.get("step", "")), body)


def between(in_world: World, start: datetime, end: datetime) -> Iterator[Taken]:
    """Steps of a world's incidents in a period of its clock, in the order in which they were written."""
    start, end = max(start, FIRST), min(end, in_world.now() + MARGIN)
    last = None if in_world.driven else in_world.wall(end) + MARGIN
    for row, body in audit.rows_since(in_world.wall(start) - MARGIN):
        if last is not None and row.at > last:
            return
        taken = _taken(row, body, in_world.pk)
        if taken is not None and (taken.step in TOLD or taken.step == RECEIVE) and start <= taken.at <= end:
            yield taken


def together(taken: Iterable[Taken]) -> Iterator[list[Taken]]:
    """In handfuls, so that their reports are looked up at once."""
    hand: list[Taken] = []
    for one in taken:
        hand.append(one)
        if len(hand) == TOGETHER:
            yield hand
            hand = []
    if hand:
        yield hand


def reports_of(world_id: str, refs: Iterable[str]) -> dict[str, list[Report]]:
    """The public reports under incidents, by the incident's number: their own, and those merged into them."""
    wanted = set(refs)
    found: dict[str, list[Report]] = {}
    own = set(Incident.objects.filter(world=world_id, ref__in=wanted).values_list("pk", flat=True))
    merged = Incident.objects.filter(keeper__in=own, state=State.MERGED).values_list("pk", flat=True)
    rows = Report.objects.filter(public__isnull=False, incident__in=own.union(merged)).select_related(
        "incident__agency", "incident__keeper__agency", "content"
    )
    for report in rows.defer(*(f"content__{one}" for one in SEALED)).order_by("id"):
        incident = report.incident
        for ref in {incident.ref, incident.keeper.ref if incident.keeper else incident.ref} & wanted:
            found.setdefault(ref, []).append(report)
    return found


class Words:
    """Steps in the reader's language. Agencies bear the name they bore on the day."""

    def __init__(self, taken: Sequence[Taken]) -> None:
        self._agencies = NamesByDay(str(one.body["agency"]) for one in taken if one.body.get("agency"))

    def title(self, one: Taken) -> str:
        return str(STEP_NAMES.get(one.step, ""))

    def say(self, one: Taken) -> str:
        """Where it stands after the step, who handles it, and with which result."""
        body = one.body
        parts = [str(STATE_NAMES[State(one.state)])] if one.state else []
        if outcome := OUTCOME_NAMES.get(str(body.get("outcome", ""))):
            parts.append(str(outcome))
        parts += self._reasons(body)
        if one.step == Step.ASSIGN:
            parts.append(self._agencies.on(str(body.get("agency", "")), one.at.date()))
        if body.get("planned_for"):
            parts.append(str(body["planned_for"]))
        if one.step == Step.PAUSE:
            parts.append(_("chờ người dân bổ sung"))
        return " – ".join(filter(None, parts))

    @staticmethod
    def _reasons(body: Mapping[str, Any]) -> Iterator[str]:
        """The coded reason of a refusal, and whom it leads to: words of the house, not of a person."""
        known = wording.of(KIND) if body.get("reason") else None
        if known is None:
            return
        for found in (known.refusal(str(body["reason"])), known.target(str(body.get("target", "")))):
            if found is not None:
                yield found.name[language()]


def notes(reports: Sequence[Report]) -> dict[int, list[dict[str, Any]]]:
    """`notes` of `extensions=true`: by a report's row, what happened to it, oldest first."""
    streams: dict[str, list[Report]] = {}
    for report in reports:
        incident = report.incident
        streams.setdefault(incident.stream, []).append(report)
        if incident.state == State.MERGED and incident.keeper is not None:
            streams.setdefault(incident.keeper.stream, []).append(report)
    rows = AuditRow.objects.filter(stream__in=streams).order_by("stream", "n")
    all_taken: list[tuple[str, Taken]] = []
    for row, body in audit.decoded(rows):
        one = _taken(row, body, row.stream.split("/")[1])
        if one is not None and one.step in TOLD:
            all_taken.append((row.stream, one))
    words = Words([one for _stream, one in all_taken])
    told: dict[int, list[dict[str, Any]]] = {report.pk: [] for report in reports}
    for stream, one in sorted(all_taken, key=lambda pair: pair[1].at):
        note = {
            "datetime": arguments.local(one.at),
            "summary": words.title(one),
            "description": words.say(one),
            "type": one.step,
        }
        for report in streams[stream]:
            told[report.pk].append(note)
    return told
