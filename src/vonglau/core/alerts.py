"""Alerts: identity, severity, and how they become incidents.

An alert is upserted by `(world, identity)`: folding the same events again changes nothing, and an older draft never overwrites a newer
one. An alert joins an open incident that is near enough in space and time, or of the same whole, and the incident says why; otherwise
it opens one.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import translation

from vonglau.core import audit, changes
from vonglau.core.alert_models import Alert
from vonglau.core.detection import AlertDraft, Detector, Severity
from vonglau.core.events import from_us
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN
from vonglau.core.notify import fan_out
from vonglau.core.people.policy import SYSTEM
from vonglau.core.seams import Correlation, IncidentKind, Service, alert_kinds

RANK = {Severity.EXTREME: 4, Severity.SEVERE: 3, Severity.MODERATE: 2, Severity.MINOR: 1, Severity.UNKNOWN: 0}

Locate = Callable[[float, float], tuple[str, bool]]
"""(lon, lat) → (ward code or "", near a border)."""


@dataclass(frozen=True, slots=True)
class Sayer:
    """Who says an alert: a detector of a service, and the kinds of incident its alerts may become."""

    service: str
    detector: str
    incident_kinds: Sequence[IncidentKind] = ()

    @staticmethod
    def of(service: Service, detector: Detector) -> "Sayer":
        return Sayer(service.name, detector.name, service.incident_kinds)


EARTH_METRES = 6_371_008.8


def metres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance (haversine, mean Earth radius of IUGG)."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_METRES * math.asin(min(1.0, math.sqrt(half)))


def headline(alert: Alert) -> str:
    """The alert in one line, in the active language."""
    kind = alert_kinds().get(alert.kind)
    return kind.headline({**alert.facts, "subject": alert.subject}) if kind else f"{alert.kind}: {alert.subject}"


def explanation(alert: Alert) -> str:
    """Why it exists, in a few sentences, in the active language."""
    kind = alert_kinds().get(alert.kind)
    return kind.explain({**alert.facts, "subject": alert.subject}) if kind else ""


def _values(draft: AlertDraft) -> dict[str, Any]:
    return {
        "kind": draft.kind,
        "severity": draft.severity.value,
        "urgency": draft.urgency.value,
        "certainty": draft.certainty.value,
        "rank": RANK[draft.severity],
        "onset": from_us(draft.onset_us),
        "updated": from_us(draft.updated_us),
        "ended": from_us(draft.ended_us) if draft.ended_us is not None else None,
        "subject": draft.subject[:200],
        "lon": draft.lon,
        "lat": draft.lat,
        "facts": dict(draft.facts),
        "series": [list(point) for point in draft.series],
        "evidence": [position for position in draft.evidence if position > 0],  # below zero: before a recording began
    }


def store(world: str, by: Sayer, drafts: Sequence[AlertDraft], locate: Locate | None = None) -> list[Alert]:
    """Upsert what a detector said in one transaction, and let it become incidents. Returns the alerts that changed.

    Every draft counts, in order of time, not only the last of each alert: a jam that began and ended within one batch
    opens the same incident as one that was watched live.
    """
    if not drafts:
        return []
    with transaction.atomic():
        names = {draft.identity for draft in drafts}
        known = {alert.identity: alert for alert in Alert.objects.filter(world=world, identity__in=names)}
        changed: dict[str, Alert] = {}
        for draft in sorted(drafts, key=lambda draft: (draft.updated_us, draft.identity)):
            alert = _upsert(known.get(draft.identity), draft, world, by, locate)
            if alert is not None:
                known[draft.identity] = changed[draft.identity] = alert
                _correlate(alert, by)
        changes.announce_many((alert.world, "alert", alert.identity, "", _told(alert)) for alert in changed.values())
        fan_out.alerts_changed(world, changed.values())
    return list(changed.values())


def _upsert(known: Alert | None, draft: AlertDraft, world: str, by: Sayer, locate: Locate | None) -> Alert | None:
    """None when nothing is new: redelivery after a crash is harmless."""
    values = _values(draft)
    if known is None:
        ward, near = (
            locate(draft.lon, draft.lat) if locate and draft.lon is not None and draft.lat is not None else ("", False)
        )
        return Alert.objects.create(
            world=world,
            identity=draft.identity,
            service=by.service,
            detector=by.detector,
            ward=ward,
            near_border=near,
            **values,
        )
    if values["updated"] < known.updated or all(getattr(known, name) == value for name, value in values.items()):
        return None
    for name, value in values.items():
        setattr(known, name, value)
    known.save()
    return known


def _told(alert: Alert) -> dict[str, Any]:
    """What the change stream says: enough to decide whether to refresh, and when the event behind it was received."""
    return {
        "kind": alert.kind,
        "rank": alert.rank,
        "ended": alert.ended is not None,
        "ward": alert.ward,
        "incident": alert.incident.ref if alert.incident else None,
        "lon": alert.lon,
        "lat": alert.lat,
        "evidence": alert.evidence[-1:],
    }


def _correlate(alert: Alert, by: Sayer) -> None:
    """Join or open an incident, once; later updates of the alert feed the one it joined."""
    if alert.incident is not None:
        _feed(alert, alert.incident)
        return
    for kind in by.incident_kinds:
        rule = kind.correlation
        if rule is None or alert.kind not in rule.alert_kinds or alert.rank < rule.min_rank or alert.ended is not None:
            continue
        found = _alike(alert, kind, rule) if rule.same in alert.facts else _nearest(alert, kind)
        if found is None:
            _open(alert, by, kind)
        else:
            incident, alert.joined = found
            alert.incident = incident
            alert.save(update_fields=["incident", "joined"])
            _log(alert, incident, "joins")
            _feed(alert, incident)
        return


def _alike(alert: Alert, kind: IncidentKind, rule: Correlation) -> tuple[Incident, dict[str, Any]] | None:
    """The open incident of this kind that an alert with the same value of the rule's fact fed last, within its window; and why."""
    value = alert.facts[rule.same]
    fed = Alert.objects.filter(world=alert.world, incident__kind=kind.code, incident__state__in=OPEN)
    last = fed.filter(**{f"facts__{rule.same}": value}).select_related("incident").order_by("-updated").first()
    if last is None or last.incident is None:
        return None
    seconds = (alert.onset - last.updated).total_seconds()
    if seconds > rule.window.total_seconds():
        return None
    return last.incident, {"by": "same", "what": str(value)[:80], "seconds": round(max(0.0, seconds))}


def _nearest(alert: Alert, kind: IncidentKind) -> tuple[Incident, dict[str, Any]] | None:
    """The nearest open incident of this kind within the rule's distance, fed within its window; and why."""
    rule = kind.correlation
    if rule is None or alert.lon is None or alert.lat is None:
        return None
    best: tuple[Incident, float, float] | None = None
    for incident in _candidates(alert.world, kind.code, (alert.lon, alert.lat), rule.metres):
        if incident.lon is None or incident.lat is None:
            continue
        distance = metres(alert.lon, alert.lat, incident.lon, incident.lat)
        last = incident.alerts.order_by("-updated").values_list("updated", flat=True).first()
        seconds = (alert.onset - (last or incident.received_at)).total_seconds()
        if distance <= rule.metres and seconds <= rule.window.total_seconds() and (best is None or distance < best[1]):
            best = (incident, distance, max(0.0, seconds))
    if best is None:
        return None
    return best[0], {"by": "near", "metres": round(best[1]), "seconds": round(best[2])}


def _candidates(world: str, kind: str, at: tuple[float, float], radius: float) -> Iterable[Incident]:
    """A box around the place: what an ordinary index can answer before distances are computed."""
    lon, lat = at
    dlat = math.degrees(radius / EARTH_METRES)
    dlon = dlat / max(0.01, math.cos(math.radians(lat)))
    return Incident.objects.filter(
        world=world,
        kind=kind,
        state__in=OPEN,
        lon__range=(lon - dlon, lon + dlon),
        lat__range=(lat - dlat, lat + dlat),
    )


def _open(alert: Alert, by: Sayer, kind: IncidentKind) -> None:
    with translation.override("vi"):
        title = headline(alert)
    incident = desk.open_incident(
        desk.Opening(
            world=alert.world,
            kind=kind.code,
            service=by.service,
            title=title,
            origin="alert",
            level="urgent" if alert.rank >= kind.urgent_from else kind.level,
            rank=alert.rank,
            category=kind.code,
            lon=alert.lon,
            lat=alert.lat,
            ward=alert.ward,
            near_border=alert.near_border,
            at=alert.updated,
            because={"alert": alert.identity, "kind": alert.kind, "detector": alert.detector},
        ),
        SYSTEM,
    )
    alert.incident, alert.joined = incident, {"by": "opened"}
    alert.save(update_fields=["incident", "joined"])


def _feed(alert: Alert, incident: Incident) -> None:
    """A graver alert makes its open incident graver; nothing else of the incident is the machine's to change."""
    if alert.rank <= incident.rank and alert.ended is None:
        return
    incident.refresh_from_db()  # another alert of this batch, or a person, may have changed it since it was read
    if incident.state in OPEN and alert.rank > incident.rank:
        incident.rank = alert.rank
        incident.version += 1
        incident.save(update_fields=["rank", "version"])
        _log(alert, incident, "worsens")
        desk.tell(incident, "worsens", SYSTEM.name)
    elif incident.state in OPEN and alert.ended is not None:
        _log(alert, incident, "ends")
        desk.tell(incident, "ends", SYSTEM.name)


def _log(alert: Alert, incident: Incident, step: str) -> None:
    body = {
        "at": alert.updated.isoformat(timespec="microseconds"),
        "who": SYSTEM.name,
        "role": SYSTEM.role,
        "step": step,
        "alert": alert.identity,
        "kind": alert.kind,
        "rank": alert.rank,
        **({"joined": alert.joined} if alert.joined else {}),
    }
    audit.record(incident.stream, body)
