"""What is decided about reports: pure functions, no database, no clock."""

from dataclasses import dataclass
from datetime import datetime

from vonglau.core.incidents.states import OPEN, State

PREFIX_INCIDENT, PREFIX_REPORT = "SV-", "PA-"

DESCRIPTION_LIMIT = 4000
"""Characters, as GeoReport v2 sets it."""


def reference_of(incident_ref: str) -> str:
    """SV-2611-0042 → PA-2611-0042: the citizen's number and the desk's are one, and people can tell them apart."""
    return PREFIX_REPORT + incident_ref.removeprefix(PREFIX_INCIDENT)


@dataclass(frozen=True, slots=True)
class Fate:
    """Where the work on a report stands: the state of its incident, or of the one it was merged into."""

    state: str
    verified_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None


def is_open(fate: Fate) -> bool:
    """For the citizen it is done when there is a result, not when the desk files it."""
    return fate.state in OPEN


def ended_at(fate: Fate) -> datetime | None:
    """When it was done for the citizen."""
    if is_open(fate):
        return None
    return fate.resolved_at or fate.closed_at


def text_is_public(own: Fate) -> bool:
    """A citizen's words are shown to others only after a person has looked at them, and never of a refused report."""
    return own.verified_at is not None and own.state != State.REFUSED
