"""Evidence: photos under an incident. What arrives is a stranger's file; what is kept is our own picture of it.

The content decides what it is, never its name. It is decoded within limits, turned upright, and written anew as JPEG:
no EXIF, no position, no serial number, nothing hidden behind the picture. The file lies under its SHA-256 before the
row that names it commits: a file without a row is harmless, a row without a file is not.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from django.conf import settings
from django.db import transaction
from PIL import Image, ImageOps

from vonglau.core import audit
from vonglau.core.errors import BadInput, NotAllowed, NotFound, StorageFull
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.incidents.states import Step
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world

LIMIT = 15 * 1024 * 1024
"""Bytes of an upload."""
PIXELS = 60_000_000
"""Decoded pixels: above what phones take, far below what fills the memory."""
EDGE = 2560
"""Longest side of what is kept: a number plate across a street stays readable."""
THUMB_EDGE = 480
QUALITY = 85
FORMATS = ("JPEG", "PNG", "WEBP")
MEDIA_TYPE = "image/jpeg"


class Upload(Protocol):
    """What a web framework hands over: bytes in chunks."""

    def chunks(self) -> Iterable[bytes]: ...


@dataclass(frozen=True, slots=True)
class Picture:
    """An upload, decoded and written anew."""

    sha256: str
    jpeg: bytes
    thumb: bytes
    width: int
    height: int


def _bad(reason: str, message: str) -> BadInput:
    return BadInput(message, pointer="/photo", reason=reason)


def received(upload: Upload) -> bytes:
    """The bytes, counted while they come: a declared size is a claim. Raises BadInput with `reason` large."""
    data = bytearray()
    for chunk in upload.chunks():
        data += chunk
        if len(data) > LIMIT:
            raise _bad("large", f"The photo is larger than {LIMIT // 1024 // 1024} MB; send a smaller one.")
    return bytes(data)


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def _flat(image: Image.Image) -> Image.Image:
    """RGB on white: JPEG has no transparency, and black behind a drawing hides it."""
    if image.mode in ("RGBA", "LA", "PA", "P"):
        layer = image.convert("RGBA")
        ground = Image.new("RGB", layer.size, "white")
        ground.paste(layer, mask=layer.getchannel("A"))
        return ground
    return image.convert("RGB")


def _is_heic(data: bytes) -> bool:
    """The box that such files begin with: `ftyp` and a brand of the HEIF family."""
    return data[4:8] == b"ftyp" and data[8:12] in (
        b"heic",
        b"heix",
        b"heim",
        b"heis",
        b"hevc",
        b"hevx",
        b"mif1",
        b"msf1",
        b"avif",
    )


def read_picture(upload: Upload) -> Picture:
    """Decode a photo within limits.

    Raises BadInput with `reason` large | pixels | moving | heic | unreadable, pointer /photo.
    """
    data = received(upload)
    if _is_heic(data):
        raise _bad(
            "heic",
            "HEIC photos cannot be read: choose JPEG in the camera's settings (Most Compatible), or send a screenshot.",
        )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > PIXELS:
                raise _bad("pixels", f"The photo has more than {PIXELS // 1_000_000} million pixels.")
            if getattr(opened, "n_frames", 1) > 1 and opened.format != "MPO":
                raise _bad("moving", "This picture moves; send a photo that stands still.")
            opened.draft("RGB", (EDGE, EDGE))  # JPEG only: decoded small at once, a tenth of the memory
            picture = _flat(ImageOps.exif_transpose(opened))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise _bad("pixels", f"The photo has more than {PIXELS // 1_000_000} million pixels.") from problem
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as problem:
        raise _bad("unreadable", "This file is not a photo that can be read (JPEG, PNG, WebP).") from problem
    picture.info = {}  # a comment or a colour profile would otherwise be written out again
    picture.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
    return written(picture)


def written(picture: Image.Image) -> Picture:
    """A decoded RGB picture as it is kept."""
    jpeg = _jpeg(picture)
    small = picture.copy()
    small.thumbnail((THUMB_EDGE, THUMB_EDGE), Image.Resampling.LANCZOS)
    return Picture(hashlib.sha256(jpeg).hexdigest(), jpeg, _jpeg(small), picture.width, picture.height)


def path_of(sha256: str, *, thumb: bool = False) -> Path:
    return Path(settings.MEDIA_ROOT) / sha256[:2] / (f"{sha256}.thumb" if thumb else sha256)


def keep(path: Path, data: bytes) -> None:
    """Durably, and whole or not at all."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as problem:
        Path(name).unlink(missing_ok=True)
        raise StorageFull("The photo could not be written to the disk; nothing was kept.") from problem
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def keep_picture(picture: Picture) -> None:
    """Both files of a picture. Raises StorageFull."""
    keep(path_of(picture.sha256), picture.jpeg)
    keep(path_of(picture.sha256, thumb=True), picture.thumb)


def may_attach(actor: Actor, incident: Incident) -> bool:
    """Whoever may note on it, or return its result, may show why."""
    return any(policy.may_step(actor, incident, step) for step in (Step.NOTE, Step.RESOLVE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a photo was taken: degrees as the device said them, words, both or neither."""

    lon: float | None = None
    lat: float | None = None
    place: str = ""

    def __post_init__(self) -> None:
        if (self.lon is None) != (self.lat is None):
            raise BadInput("Give both `lon` and `lat`, or neither.", pointer="/lat" if self.lat is None else "/lon")
        if self.lon is not None and self.lat is not None and not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):
            raise BadInput("`lon` is between -180 and 180, `lat` between -90 and 90 degrees.", pointer="/lon")

    def __bool__(self) -> bool:
        return self.lon is not None or bool(self.place.strip())


NOWHERE = Where()


def attach(
    incident: Incident,
    actor: Actor,
    upload: Upload | Picture,
    caption: str = "",
    where: Where = NOWHERE,
    at: datetime | None = None,
) -> Evidence:
    """Put a photo under an incident. The same photo again changes nothing but a place that was missing. `at`: now, unless named.

    The incident's version stays: evidence contradicts nobody's step. Within a transaction give a `Picture`: decoding takes
    seconds at worst, and a transaction keeps every other writer waiting.
    Raises BadInput, NotAllowed, NotFound, StorageFull.
    """
    if not policy.may_see(actor, incident) and actor.role not in ("system", "reporter"):
        raise NotFound(f"There is no incident {incident.ref!r} in world {incident.world!r}.")
    if actor.role not in ("system", "reporter") and not may_attach(actor, incident):
        raise NotAllowed(policy.may_step(actor, incident, Step.NOTE).reason)
    picture = upload if isinstance(upload, Picture) else read_picture(upload)
    keep_picture(picture)
    with transaction.atomic():
        return _record(incident, actor, picture, caption.strip()[:200], where, at or world(incident.world).now())


@transaction.atomic
def say_where(photo: Evidence, actor: Actor, where: Where) -> Evidence:
    """Note where a photo was taken that came without its place. NotAllowed for whoever may not attach one."""
    incident = Incident.objects.select_for_update().get(pk=photo.incident_id)
    if not may_attach(actor, incident):
        raise NotAllowed(policy.may_step(actor, incident, Step.NOTE).reason)
    _stand(photo, where)
    photo.save(update_fields=["lon", "lat", "place"])
    _tell(incident, actor, photo, where, "", world(incident.world).now())
    return photo


def _stand(photo: Evidence, where: Where) -> None:
    photo.lon, photo.lat, photo.place = where.lon, where.lat, where.place.strip()[:200]


def _record(incident: Incident, actor: Actor, picture: Picture, caption: str, where: Where, at: datetime) -> Evidence:
    Incident.objects.select_for_update().filter(pk=incident.pk).first()
    known = incident.evidence.filter(sha256=picture.sha256).first()
    if known is not None:
        return say_where(known, actor, where) if where and known.by == actor.name and not known.placed else known
    made = Evidence(
        incident=incident,
        sha256=picture.sha256,
        media_type=MEDIA_TYPE,
        size=len(picture.jpeg),
        width=picture.width,
        height=picture.height,
        caption=caption,
        by=actor.name,
        at=at,
    )
    _stand(made, where)
    made.save()
    _tell(incident, actor, made, where, caption, at)
    return made


def _tell(incident: Incident, actor: Actor, photo: Evidence, where: Where, caption: str, at: datetime) -> None:
    """The audit row. That a place is known stands in the chain; which one, and what people wrote, does not."""
    body = {
        "at": at.isoformat(timespec="microseconds"),
        "who": actor.name,
        "role": actor.role,
        "step": "evidence",
        "sha256": photo.sha256,
        "size": photo.size,
        "media_type": photo.media_type,
        **({"placed": True} if where else {}),
        **({"why": audit.note(incident.stream, caption)} if caption else {}),
    }
    audit.record(incident.stream, body)
    desk.tell(incident, "evidence", actor.name)


def open_file(evidence: Evidence, *, thumb: bool = False) -> IO[bytes]:
    """The stored picture, or its small copy. NotFound when retention has removed it."""
    try:
        return path_of(evidence.sha256, thumb=thumb).open("rb")
    except FileNotFoundError as missing:
        raise NotFound("This photo is no longer kept.") from missing
