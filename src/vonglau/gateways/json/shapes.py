"""The shapes of what the API answers: checked on the way out, published as JSON Schema in the OpenAPI document.

Moments are ISO 8601 in UTC with Z. Ratios are decimal strings, so that nobody's floating point changes a published figure.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from ninja import Field, Schema
from pydantic import AwareDatetime, BeforeValidator

from vonglau.core.incidents.states import Outcome, Step

T = TypeVar("T")

Limit = Annotated[int, Field(ge=1, le=1000, description="Items on a page.")]
After = Annotated[str | None, Field(max_length=400, description="`next` of the page before.")]

InWorld = Annotated[
    str | None, Field(max_length=63, description="The world to read. Tokens have one; people may name any.")
]
Ward = Annotated[str | None, Field(max_length=5, description="Code of a ward.")]


def _written(said: object) -> object:
    """Days and moments are written as ISO 8601: a bare number would be taken for seconds since 1970."""
    if isinstance(said, str) and not re.match(r"\d{4}-\d\d-\d\d", said, re.ASCII):
        raise ValueError("Write it as ISO 8601, such as 2026-11-22 or 2026-11-22T08:00:00Z")
    return said


Day = Annotated[date, BeforeValidator(_written)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
"""With its zone, as the JSON Schema format `date-time` asks."""

Id = Annotated[int, Field(ge=0, lt=2**63)]


class Listed(Schema, Generic[T]):
    """A page. `next` is null at the end; otherwise give it back as `after`."""

    items: list[T]
    next: str | None


class Problem(Schema):
    """RFC 9457. Further members depend on the type."""

    type: str
    title: str
    status: int
    detail: str
    pointer: str | None = Field(None, description="RFC 6901: the member at fault; `/query/…` for arguments.")


class EventOut(Schema):
    """A CloudEvent 1.0 with its place in the log. `data` is what was sent; other attributes stand beside these."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: datetime
    subject: str | None = None
    lon: str | None = Field(None, description="WGS 84 degrees as a decimal string, as CloudEvents asks of attributes.")
    lat: str | None = None
    exercise: str | None = Field(None, description="The drill or recording it belongs to; absent: live.")
    data: Any = None
    position: int
    recordedtime: datetime


class QuarantinedOut(Schema):
    """What was sent and could not be an event."""

    id: int
    at: datetime
    world: str
    source: str | None
    event_id: str | None
    pointer: str
    reason: str
    state: Literal["open", "resubmitted", "discarded"]
    by: str | None
    size: int = Field(description="Bytes that were sent.")


class QuarantinedDetail(QuarantinedOut):
    raw: str | None = Field(description="What was sent, when it is UTF-8.")
    raw_base64: str | None = Field(description="What was sent, when it is not.")


class Settled(Schema):
    id: int
    state: Literal["resubmitted", "discarded"]
    position: int | None = Field(description="Where it stands in the log now.")


class AgencyOut(Schema):
    code: str
    name_vi: str
    name_en: str


class AlertOut(Schema):
    identity: str
    world: str
    service: str
    detector: str
    kind: str
    severity: str
    urgency: str
    certainty: str
    rank: int = Field(description="CAP severity: 4 Extreme … 1 Minor, 0 Unknown.")
    state: Literal["open", "ended"]
    onset: datetime
    updated: datetime
    ended: datetime | None
    subject: str
    headline: str
    lon: float | None
    lat: float | None
    ward: str
    near_border: bool
    facts: dict[str, Any]
    incident: str | None


class AlertDetail(AlertOut):
    explanation: str
    series: list[Any]
    evidence: list[int] = Field(description="Positions of the events it rests on: `/api/events?after=`.")
    joined: dict[str, Any] | None


class IncidentOut(Schema):
    ref: str
    world: str
    kind: str
    service: str
    title: str
    origin: str
    category: str
    level: str
    rank: int
    state: str
    agency: AgencyOut | None
    lon: float | None
    lat: float | None
    ward: str
    near_border: bool
    place: str
    received_at: datetime
    verified_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    receive_due: datetime | None
    handle_due: datetime | None
    paused_at: datetime | None
    due_at: datetime | None = Field(description="The deadline that runs now; null while paused and when none runs.")
    overdue: bool
    outcome: str
    planned_for: date | None
    reopened: int
    keeper: str | None = Field(description="What it was merged into.")
    parent: str | None = Field(description="What it was split from.")
    version: int = Field(description="Name it in a step, and nobody's change is overwritten.")


class ClockOut(Schema):
    name: Literal["receive", "handle"]
    start: datetime | None
    due: datetime | None
    met_at: datetime | None
    state: Literal["waiting", "running", "paused", "met", "missed", "unknown"]


class EvidenceOut(Schema):
    sha256: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    caption: str
    lon: float | None = Field(description="Where it was taken, as the device said, in degrees.")
    lat: float | None
    place: str = Field(description="Where it was taken, in words.")
    by: str
    at: datetime


class TimelineOut(Schema):
    """An audit row. `facts` holds what else it says; `why` is the person's text, null when none or erased."""

    n: int
    at: datetime
    step: str
    who: str
    role: str
    before: str
    after: str
    why: str | None
    erased: bool
    facts: dict[str, Any]
    hash: str


class FactOut(Schema):
    label: str
    text: str


class IncidentDetail(IncidentOut):
    clocks: list[ClockOut]
    alerts: list[AlertOut]
    evidence: list[EvidenceOut]
    about: list[FactOut]
    timeline: list[TimelineOut]
    steps: list[str] = Field(description="What you may do with it now.")


class StepIn(Schema):
    """A step of the state table. Which members it needs stands there (`/api/docs#steps`)."""

    step: str = Field(max_length=20, json_schema_extra={"enum": list(Step)})
    version: int | None = Field(None, ge=0, lt=2**63, description="The version you looked at; another one now: 409.")
    why: str = Field("", max_length=4000)
    outcome: str = Field("", max_length=12, json_schema_extra={"enum": ["", *Outcome]})
    agency: str = Field("", max_length=40)
    keeper: str = Field("", max_length=40)
    level: str = Field("", max_length=20)
    title: str = Field("", max_length=200)
    planned_for: Day | None = None
    reason: str = Field("", max_length=40, description="Why a field report is refused: a code of the city's list.")
    target: str = Field("", max_length=40, description="Whom a redirected one leads to: a code of the same list.")


class DefinitionOut(Schema):
    code: str
    title: str
    definition: str
    numerator: str
    denominator: str | None
    unit: str
    period: str
    aggregation: str
    better: str


class PeriodOut(Schema):
    start: datetime
    end: datetime


class ValueOut(Schema):
    indicator: DefinitionOut
    world: str
    locality: str
    ward: str
    frame: str
    period: PeriodOut
    numerator: int
    denominator: int | None
    scale: int = Field(description="The numerator is in units of 1/scale.")
    ratio: str | None = Field(description="numerator / (denominator × scale), 12 digits; null: nothing to divide by.")
    provenance: str
    at: datetime = Field(description="World time it was computed for.")


class WorldOut(Schema):
    id: str
    kind: str
    title_vi: str
    title_en: str
    locality: str
    now: datetime
    rate: float
    ended_at: datetime | None
