"""A drawn "after" picture for the demonstration's staff: plainly a drawing, another for each incident."""

import io
from collections.abc import Iterator
from hashlib import sha256

from PIL import Image, ImageDraw

SIZE = (640, 420)


class Drawn:
    """An upload that was drawn here; it says of which incident it is, and that it is a drill."""

    def __init__(self, ref: str) -> None:
        tone = sha256(ref.encode()).digest()[0] // 3
        picture = Image.new("RGB", SIZE, (90 + tone, 120 + tone // 2, 130))
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, SIZE[1] * 2 // 3, *SIZE), fill=(96, 96, 100))
        for left in range(20, SIZE[0], 120):
            draw.rectangle((left, SIZE[1] * 5 // 6, left + 60, SIZE[1] * 5 // 6 + 8), fill="white")
        draw.text((SIZE[0] // 2, 80), f"DEMO {ref}", fill="white", font_size=40, anchor="mm")
        out = io.BytesIO()
        picture.save(out, "JPEG")
        self.data = out.getvalue()

    def chunks(self) -> Iterator[bytes]:
        yield self.data
