"""What of a citizen's photo may be shown: nothing until a person has masked it, or passed it as it is."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from PIL import Image

from vonglau.core import audit
from vonglau.core.errors import BadInput, NotAllowed, NotFound
from vonglau.core.incidents import desk, files
from vonglau.core.incidents.files import Upload
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.people.models import User
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world
from vonglau.services.field_reports import rules
from vonglau.services.field_reports.models import PhotoReview, Report
from vonglau.services.field_reports.photos import detecting, originals
from vonglau.services.field_reports.photos.boxes import MOST, Box, cover

ROLES = frozenset({"operator", "supervisor"})
WAITING, MASKED, PASSED, WITHHELD = "waiting", "masked", "passed", "withheld"
PUBLIC = (MASKED, PASSED)
AT_ONCE = 500


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def chunks(self) -> Sequence[bytes]:
        return (self.data,)


@dataclass(frozen=True, slots=True)
class Photo:
    """A citizen's photo: the bytes as they were sent, and our picture of them."""

    data: bytes
    picture: files.Picture


def decoded(uploads: Iterable[Upload]) -> list[Photo]:
    """Before the transaction that attaches them: decoding a large picture there would keep every other writer waiting.

    Raises BadInput (`reason` large | pixels | moving | heic | unreadable).
    """
    sent = [files.received(upload) for upload in uploads]
    return [Photo(data, files.read_picture(_Bytes(data))) for data in sent]


def attach(incident: Incident, actor: Actor, photo: Photo, report: Report | None = None) -> Evidence:
    """Put a citizen's photo under an incident: our picture of it, the sealed original, and a place in the queue.

    `report`: whose photo it is; none: of the report that the incident was opened for. In the caller's transaction.
    Raises StorageFull.
    """
    report = report or Report.objects.filter(incident=incident).order_by("pk")[:1].get()
    evidence = files.attach(incident, actor, photo.picture)
    originals.keep(evidence, report, photo.data)
    PhotoReview.objects.get_or_create(evidence=evidence, defaults={"report": report, "created_at": timezone.now()})
    return evidence


def enrol(world_id: str, incident: Incident | None = None) -> int:
    """Photos of citizens that came another way (an adapter, a later reply) wait like all others; how many were added.

    `incident`: of this one alone, before anything of it is shown.
    """
    staff = User.objects.values("username")
    rows = Evidence.objects.filter(incident__world=world_id, incident__reports__isnull=False, review__isnull=True)
    if incident is not None:
        rows = rows.filter(incident=incident)
    found = list(
        rows.exclude(by__in=staff)
        .exclude(by="system")
        .order_by("pk")
        .distinct()
        .values_list("pk", "incident_id")[:AT_ONCE]
    )
    if not found:
        return 0
    first = dict(
        Report.objects.filter(incident__in={under for _pk, under in found})
        .order_by("-pk")
        .values_list("incident", "pk")
    )
    made = [PhotoReview(evidence_id=pk, report_id=first[under], created_at=timezone.now()) for pk, under in found]
    return len(PhotoReview.objects.bulk_create(made, ignore_conflicts=True))


def may_review(actor: Actor) -> bool:
    return actor.world is None and actor.role in ROLES


def queue(world_id: str, *, waiting: bool) -> "QuerySet[PhotoReview]":
    """Oldest first where a person must look; newest first of what was decided."""
    rows = PhotoReview.objects.filter(report__world=world_id, evidence__erased_at=None).select_related(
        "evidence", "report__incident"
    )
    return rows.filter(state=WAITING).order_by("pk") if waiting else rows.exclude(state=WAITING).order_by("-at", "-pk")


def picture(evidence: Evidence) -> Image.Image:
    """Our own picture, unmasked. Raises NotFound."""
    with files.open_file(evidence) as file:
        return Image.open(io.BytesIO(file.read()), formats=("JPEG",))


def propose(review: PhotoReview) -> list[Box]:
    """What the installation's detector would cover, asked once per photo; nothing without one."""
    detector = detecting.installed()
    if detector is not None and review.detector != detector.name:
        found = detector.find(picture(review.evidence))
        review.proposed = [[box.x, box.y, box.w, box.h] for box in found]
        review.detector = detector.name
        review.save(update_fields=["proposed", "detector"])
    return [Box(*four) for four in review.proposed]


def boxes(review: PhotoReview) -> list[Box]:
    """What is covered, or is proposed while nobody has decided."""
    return propose(review) if review.state == WAITING else [Box(*four) for four in review.boxes]


def decide(review: PhotoReview, actor: Actor, state: str, wanted: Sequence[Box] = ()) -> PhotoReview:
    """Mask, pass as it is, or withhold. May be changed later; what was public before goes.

    Raises NotAllowed, BadInput (`reason` empty | many), NotFound, StorageFull.
    """
    if not may_review(actor):
        raise NotAllowed("Photos are reviewed by operators and supervisors.")
    if state not in (MASKED, PASSED, WITHHELD):
        raise BadInput("A photo is masked, passed or withheld.", pointer="/state")
    evidence = review.evidence
    inside = (
        [one for box in wanted if (one := box.within(evidence.width or 0, evidence.height or 0))]
        if state == MASKED
        else []
    )
    if state == MASKED and not inside:
        raise BadInput(
            "Draw at least one mask within the picture, or pass it as it is.", pointer="/boxes", reason="empty"
        )
    if len(inside) > MOST:
        raise BadInput(f"A picture takes {MOST} masks at most.", pointer="/boxes", reason="many")
    shown = _written(evidence, inside) if state == MASKED else evidence.sha256 if state == PASSED else ""
    with transaction.atomic():
        Incident.objects.select_for_update().filter(pk=evidence.incident_id).first()
        kept = PhotoReview.objects.select_related("evidence__incident", "report").get(pk=review.pk)
        before, kept.state, kept.public_sha256 = kept.public_sha256, state, shown
        kept.boxes = [[one.x, one.y, one.w, one.h] for one in inside]
        kept.by, kept.at = actor.name, world(kept.report.world).now()
        kept.save()
        incident = kept.evidence.incident
        body = {
            "at": kept.at.isoformat(timespec="microseconds"),
            "who": actor.name,
            "role": actor.role,
            "step": "photo",
            "sha256": evidence.sha256,
            "state": state,
            "masks": len(inside),
            **({"public": shown} if shown else {}),
        }
        audit.record(incident.stream, body)
        desk.tell(incident, "photo", actor.name)
        if before not in ("", shown, evidence.sha256):
            transaction.on_commit(partial(discard, before))
    return kept


def _written(evidence: Evidence, inside: Sequence[Box]) -> str:
    """Make and keep the picture with its masks; its SHA-256."""
    made = files.written(cover(picture(evidence).convert("RGB"), inside))
    files.keep_picture(made)
    return made.sha256


def discard(sha256: str) -> None:
    """Remove a picture that no row shows any more."""
    shown = PhotoReview.objects.filter(public_sha256=sha256).exists()
    if not shown and not Evidence.objects.filter(sha256=sha256, erased_at=None).exists():
        for thumb in (False, True):
            files.path_of(sha256, thumb=thumb).unlink(missing_ok=True)


def public(report: Report) -> list[PhotoReview]:
    """Photos of a report that anybody may see, oldest first: after the desk has verified it, and never of a refused one."""
    own = report.incident
    fate = rules.Fate(own.state, own.verified_at, own.resolved_at, own.closed_at)
    if report.hidden_at is not None or not rules.text_is_public(fate):
        return []
    return list(PhotoReview.objects.filter(report=report, state__in=PUBLIC).select_related("evidence").order_by("pk"))


def open_public(review: PhotoReview, *, thumb: bool = False) -> IO[bytes]:
    """The picture that anybody may see. Raises NotFound."""
    if review.state not in PUBLIC or not review.public_sha256:
        raise NotFound("This photo is not public.")
    try:
        return files.path_of(review.public_sha256, thumb=thumb).open("rb")
    except FileNotFoundError as missing:
        raise NotFound("This photo is no longer kept.") from missing
