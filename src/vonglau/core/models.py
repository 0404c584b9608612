"""Every table of the core in one list; each stands in its own room."""

from vonglau.core.alert_models import Alert, Cursor, DetectorSkip, DetectorState, DetectorStop
from vonglau.core.audit_models import AuditHead, AuditRow, Checkpoint, Note
from vonglau.core.beats import Beat
from vonglau.core.cache_models import CacheRow
from vonglau.core.changes import Change
from vonglau.core.incidents.models import Evidence, Incident, IncidentCounter
from vonglau.core.notify_models import (
    Endpoint,
    Notice,
    NoticeAttempt,
    NoticeChoices,
    NoticeState,
    Publication,
    PushDevice,
)
from vonglau.core.people.access_models import Attempts, Identity, Invitation, Session
from vonglau.core.people.models import Agency, ApiToken, Role, Unit, User
from vonglau.core.places.models import Locality, LocalityBorder, LocalitySuccession, PlacesEdition, Ward, WardBorder
from vonglau.core.routing.models import RoutingDecision
from vonglau.core.worlds import World, WorldKind

__all__ = [
    "Agency",
    "Alert",
    "ApiToken",
    "Attempts",
    "AuditHead",
    "AuditRow",
    "Beat",
    "CacheRow",
    "Change",
    "Checkpoint",
    "Cursor",
    "DetectorSkip",
    "DetectorState",
    "DetectorStop",
    "Endpoint",
    "Evidence",
    "Identity",
    "Incident",
    "IncidentCounter",
    "Invitation",
    "Locality",
    "LocalityBorder",
    "LocalitySuccession",
    "Note",
    "Notice",
    "NoticeAttempt",
    "NoticeChoices",
    "NoticeState",
    "PlacesEdition",
    "Publication",
    "PushDevice",
    "Role",
    "RoutingDecision",
    "Session",
    "Unit",
    "User",
    "Ward",
    "WardBorder",
    "World",
    "WorldKind",
]
