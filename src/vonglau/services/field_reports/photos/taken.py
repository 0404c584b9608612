"""Where and when a photo was taken, as its EXIF says: read only when the sender agreed, and never kept with the picture."""

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image

from vonglau.core.incidents.files import FORMATS, LIMIT, Upload

_GPS, _EXIF = 0x8825, 0x8769
_LAT_REF, _LAT, _LON_REF, _LON = 1, 2, 3, 4
_ORIGINAL, _OFFSET = 0x9003, 0x9011


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Degrees (WGS 84), and when, with the zone that the camera named or without one."""

    lon: float
    lat: float
    at: datetime | None


def place_of(uploads: Iterable[Upload], *, agreed: bool) -> Taken | None:
    """Of the first photo that says where it was taken: a suggestion for a report that came without a place. Not agreed: nothing is read."""
    if not agreed:
        return None
    return next((taken for upload in uploads if (taken := read(_head(upload))) is not None), None)


def _head(upload: Upload) -> bytes:
    data = bytearray()
    for chunk in upload.chunks():
        data += chunk
        if len(data) > LIMIT:
            return b""
    return bytes(data)


def read(data: bytes) -> Taken | None:
    """None for no photo, no position, or one that cannot be right. Nothing of the picture itself is decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            exif = opened.getexif()
            gps, more = exif.get_ifd(_GPS), exif.get_ifd(_EXIF)
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        KeyError,
    ):
        return None
    lat = _degrees(gps.get(_LAT), gps.get(_LAT_REF), "S", 90)
    lon = _degrees(gps.get(_LON), gps.get(_LON_REF), "W", 180)
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    return Taken(lon=lon, lat=lat, at=_moment(more.get(_ORIGINAL), more.get(_OFFSET)))


def _degrees(parts: Any, side: Any, negative: str, most: float) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return round(-value if str(side).strip("\x00 ").upper() == negative else value, 7)


def _moment(text: Any, offset: Any) -> datetime | None:
    try:
        at = datetime.strptime(str(text).strip("\x00 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - cameras name no zone
    except ValueError:
        return None
    try:
        return datetime.fromisoformat(f"{at.isoformat()}{str(offset).strip(chr(0) + ' ')}") if offset else at
    except ValueError:
        return at
