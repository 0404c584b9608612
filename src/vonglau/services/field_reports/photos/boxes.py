"""Covering parts of a picture for good. Pure: pixels in, pixels out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageFilter

CELLS = 6
"""Cells along the longer side of what is covered: a face or a number plate is a dozen colours afterwards, whatever its size."""
MOST = 50
"""Boxes of one picture."""


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A rectangle in pixels of the picture as it is kept, from its upper left corner."""

    x: int
    y: int
    w: int
    h: int

    def within(self, width: int, height: int) -> "Box | None":
        """The part of it that lies in the picture; None where there is none."""
        left, top = max(0, self.x), max(0, self.y)
        right, bottom = min(width, self.x + self.w), min(height, self.y + self.h)
        return Box(left, top, right - left, bottom - top) if left < right and top < bottom else None

    def grown(self, share: float) -> "Box":
        """Larger on every side by a share of its size: what a detector finds of a face ends at the chin."""
        more_x, more_y = round(self.w * share), round(self.h * share)
        return Box(self.x - more_x, self.y - more_y, self.w + 2 * more_x, self.h + 2 * more_y)

    def shared(self, other: "Box") -> float:
        """Intersection over union."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        common = max(0, width) * max(0, height)
        return common / (self.w * self.h + other.w * other.h - common) if common else 0.0

    def around(self, other: "Box") -> "Box":
        """The smallest that holds both."""
        left, top = min(self.x, other.x), min(self.y, other.y)
        right, bottom = max(self.x + self.w, other.x + other.w), max(self.y + self.h, other.y + other.h)
        return Box(left, top, right - left, bottom - top)


def merged(boxes: Iterable[Box], alike: float = 0.4) -> list[Box]:
    """Boxes that mean the same thing (overlap at least `alike`) become the one around them; others stay apart."""
    left = sorted(boxes)
    kept: list[Box] = []
    while left:
        one = left.pop(0)
        same = next((other for other in [*kept, *left] if one.shared(other) >= alike), None)
        if same is None:
            kept.append(one)
            continue
        (kept if same in kept else left).remove(same)
        left.insert(0, one.around(same))
    return sorted(kept)


def cover(picture: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """A copy in which nothing can be read within the boxes: averaged to a few cells, then smoothed. Nothing of the pixels stays."""
    covered = picture.copy()
    for box in boxes:
        inside = box.within(picture.width, picture.height)
        if inside is None:
            continue
        longer = max(inside.w, inside.h)
        cells = (max(1, round(CELLS * inside.w / longer)), max(1, round(CELLS * inside.h / longer)))
        area = (inside.x, inside.y, inside.x + inside.w, inside.y + inside.h)
        coarse = (
            covered.crop(area)
            .resize(cells, Image.Resampling.BOX)
            .resize((inside.w, inside.h), Image.Resampling.NEAREST)
        )
        covered.paste(coarse.filter(ImageFilter.GaussianBlur(longer / CELLS / 3)), area)
    return covered
