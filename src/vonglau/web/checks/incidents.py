"""Incidents and alerts: references, states, deadlines, evidence."""

import hashlib
import json
from collections.abc import Iterator

from django.db.models import F, Max, Q

from vonglau.core.audit_models import AuditRow
from vonglau.core.incidents import files
from vonglau.core.incidents.states import ENDED, State
from vonglau.core.models import Alert, Evidence, Incident, World
from vonglau.web.checks import WARNING, Place, check

PAGE = 2000


@check(
    "incident-keepers",
    find="SELECT world, ref, state, keeper_id FROM core_incident WHERE (state = 'merged') <> (keeper_id IS NOT NULL)",
    do="The rows were changed outside the program: restore state.db from a backup.",
)
def keepers(place: Place) -> Iterator[str]:
    """A merged incident names its keeper, of the same world, and following keepers ends at one that is not merged."""
    for incident in Incident.objects.filter(
        Q(state=State.MERGED, keeper=None) | (~Q(state=State.MERGED) & ~Q(keeper=None))
    ):
        yield f"{incident.world}/{incident.ref} is {incident.state} and has {'no' if incident.keeper_id is None else 'a'} keeper"
    merged = dict(Incident.objects.filter(state=State.MERGED).values_list("pk", "keeper_id"))
    for incident in Incident.objects.filter(state=State.MERGED).exclude(keeper__world=F("world")).exclude(keeper=None):
        yield f"{incident.world}/{incident.ref} was merged into an incident of another world"
    for start, first in merged.items():
        seen, at = {start}, first
        while at in merged and at not in seen:
            seen.add(at)
            at = merged[at]
        if at in merged:
            yield f"incident row {start}: its keepers go round in a circle"


@check(
    "incident-states",
    find="the last row of the stream incident/WORLD/REF against core_incident.state",
    do="An incident was changed without its audit row: compare with the timeline and set it right with a step, not by hand.",
)
def states(place: Place) -> Iterator[str]:
    """The state of every incident is the one its audit says last."""
    told: dict[str, str] = {}
    for stream, body in (
        AuditRow.objects.filter(stream__startswith="incident/")
        .order_by("stream", "n")
        .values_list("stream", "body")
        .iterator(PAGE)
    ):
        to = json.loads(bytes(body)).get("to")
        if to:
            told[stream] = to
    for incident in Incident.objects.only("world", "ref", "state").iterator(PAGE):
        said = told.get(incident.stream)
        if said is None:
            yield f"{incident.stream} has no audit row"
        elif said != incident.state:
            yield f"{incident.stream} is {incident.state}, its audit says {said}"


@check(
    "incident-clocks",
    find="SELECT world, ref, state, due_at, paused_at FROM core_incident",
    do="`vonglau init` recomputes nothing: make any step on the incident (a note) and its deadline is shown anew.",
)
def clocks(place: Place) -> Iterator[str]:
    """A running clock has its deadline, and none is shown where none runs."""
    for incident in Incident.objects.filter(due_at__isnull=False).filter(
        Q(state__in=[*ENDED, State.RESOLVED]) | Q(paused_at__isnull=False)
    ):
        yield f"{incident.world}/{incident.ref} is {incident.state} and still shows a deadline"
    for incident in (
        Incident.objects.filter(due_at__isnull=False).exclude(due_at=F("receive_due")).exclude(due_at=F("handle_due"))
    ):
        yield f"{incident.world}/{incident.ref} shows a deadline that is neither of its two"


@check(
    "worlds",
    find="SELECT DISTINCT world FROM core_incident EXCEPT SELECT id FROM core_world",
    do="Make the missing world again, or restore state.db.",
)
def worlds(place: Place) -> Iterator[str]:
    """Every incident and alert belongs to a world that is there."""
    known = set(World.objects.values_list("pk", flat=True))
    for model in (Incident, Alert):
        for name in set(model._default_manager.values_list("world", flat=True).distinct()) - known:
            yield f"{model.__name__}: there is no world {name!r}"


@check(
    "alert-evidence",
    find="core_alert.evidence holds log positions: GET /api/events?after=POSITION-1&limit=1",
    do="The log is older than the state: restore both from the same backup, the state first taken.",
)
def alert_evidence(place: Place) -> Iterator[str]:
    """What an alert rests on is in the log (or was sealed and its retention ended), and is of the alert's world."""
    head = place.reader.head()
    recent = Alert.objects.aggregate(Max("pk"))["pk__max"] or 0
    for alert in Alert.objects.only("world", "identity", "evidence").iterator(PAGE):
        beyond = [position for position in alert.evidence if not 0 < position <= head]
        if beyond:
            yield f"alert {alert.world}/{alert.identity} rests on position {beyond[0]}, beyond the log's end {head}"
        elif alert.pk > recent - PAGE:
            for found in place.reader.get(alert.evidence):
                if found.event.world != alert.world:
                    yield f"alert {alert.world}/{alert.identity} rests on position {found.pos} of world {found.event.world!r}"


@check(
    "evidence-files",
    find="core_evidence.sha256; files/… in the data folder",
    do="Restore the folder files/ from a backup: a photo is missing or is not the one that was kept.",
)
def evidence_files(place: Place) -> Iterator[str]:
    """Every photo is there and has the SHA-256 under which it was kept; what was erased need not be."""
    for sha256, ref in Evidence.objects.filter(erased_at=None).values_list("sha256", "incident__ref").iterator(PAGE):
        try:
            data = files.path_of(sha256).read_bytes()
        except OSError as missing:
            yield f"photo {sha256} of {ref}: {missing.strerror}"
            continue
        if hashlib.sha256(data).hexdigest() != sha256:
            yield f"photo {sha256} of {ref} is not the file that was kept"


@check(
    "notices-failed",
    severity=WARNING,
    find="SELECT * FROM core_notice WHERE state = 'failed'",
    do="Administration, Notices: mend the address or the mail server (VONGLAU_SMTP), then retry or discard.",
)
def notices(place: Place) -> Iterator[str]:
    """No notice has failed for good."""
    from vonglau.core.models import Notice

    for notice in Notice.objects.filter(state="failed"):
        yield f"{notice.key}: {notice.error}"
