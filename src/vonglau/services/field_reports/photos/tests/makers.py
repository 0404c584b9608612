"""Photos made for the tests: ordinary ones, and what strangers may send instead."""

import io
import struct
import zipfile
import zlib

from PIL import Image


class Sent:
    """An upload as a web framework hands it over."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def chunks(self) -> list[bytes]:
        return [self.data[at : at + 65_536] for at in range(0, len(self.data), 65_536)]


def scene(width: int = 320, height: int = 240, *, rotated: bool = False) -> Image.Image:
    """Every pixel of another colour: a mask that leaves any of them is seen."""
    picture = Image.new("RGB", (width, height))
    picture.putdata([((x * 7) % 256, (y * 11) % 256, (x * y) % 256) for y in range(height) for x in range(width)])
    return picture.rotate(90, expand=True) if rotated else picture


def jpeg(
    picture: Image.Image | None = None, *, lat: float | None = None, lon: float | None = None, taken: str = ""
) -> bytes:
    """With a position and a moment in its EXIF, where they are given."""
    exif = Image.Exif()
    if lat is not None and lon is not None:
        parts = [(abs(one), 0.0, 0.0) for one in (lat, lon)]
        exif.get_ifd(0x8825).update({1: "S" if lat < 0 else "N", 2: parts[0], 3: "W" if lon < 0 else "E", 4: parts[1]})
    if taken:
        exif.get_ifd(0x8769).update({0x9003: taken, 0x9011: "+07:00"})
    exif[0x010F] = "SecretCamera 0905777123"
    out = io.BytesIO()
    (picture or scene()).save(out, "JPEG", exif=exif, comment=b"SecretComment", quality=92)
    return out.getvalue()


def png_header(width: int, height: int, pixels: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def bomb() -> bytes:
    """30,000 × 30,000 of one colour: 2.7 GB of pixels from some MB... of which a few kB are enough."""
    return png_header(30_000, 30_000, zlib.compress(bytes(1_000_000), 9))


def moving(format: str) -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    frames[0].save(out, format, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb.txt", bytes(10_000_000))
    return out.getvalue()


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<html><script>alert(1)</script></html>"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(2000)
