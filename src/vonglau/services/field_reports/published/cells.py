"""Cells of the earth as numbers, so that an ordinary index of any database finds what lies in a box. Pure.

Longitude and latitude are cut into 2^26 steps of 360° each (0.6 m at most) and their bits are woven together (Morton, 1966):
points whose numbers begin alike lie near each other. A cell of level L is what agrees in the first 2·L bits; a box is covered by a
few ranges of numbers.
"""

from functools import lru_cache

BITS = 26
"""Of each of the two directions: a number has 52 bits, and fits every database's integers."""
STEPS = 1 << BITS
RANGES = 16
"""A box is covered by this many ranges at most: more would each be a search of its own, fewer would read what lies outside."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (RFC 7946). West above east: over the 180th meridian."""


def _step(degrees: float) -> int:
    """Of a longitude, or of a latitude, which then uses the middle half of the steps: cells are equal in degrees."""
    return min(STEPS - 1, max(0, int((degrees + 180.0) / 360.0 * STEPS)))


def _spread(n: int) -> int:
    """abc → 0a0b0c, in five steps for 32 bits."""
    n = (n | n << 16) & 0x0000FFFF0000FFFF
    n = (n | n << 8) & 0x00FF00FF00FF00FF
    n = (n | n << 4) & 0x0F0F0F0F0F0F0F0F
    n = (n | n << 2) & 0x3333333333333333
    return (n | n << 1) & 0x5555555555555555


def cell(lon: float | None, lat: float | None) -> int | None:
    """The number of a point; None without one."""
    if lon is None or lat is None:
        return None
    return _spread(_step(lon)) << 1 | _spread(_step(lat))


def shift(level: int) -> int:
    """By how many bits a number is shifted to have its cell of a level."""
    return 2 * (BITS - level)


@lru_cache(maxsize=256)
def ranges(box: Box, most: int = RANGES) -> list[tuple[int, int]]:
    """Ranges of numbers (both ends within) that hold every point of a box, and as few others as `most` ranges allow; in order."""
    west, south, east, north = box
    if west > east:
        found = ranges((west, south, 180.0, north), most // 2) + ranges((-180.0, south, east, north), most // 2)
        return _joined(found)
    left, low, right, high = _step(west), _step(south), _step(east), _step(north)
    begun: list[tuple[int, int, int]] = [(0, 0, 0)]
    whole: list[tuple[int, int]] = []
    for level in range(BITS + 1):
        size = STEPS >> level
        cut: list[tuple[int, int, int]] = []
        for x, y, number in begun:
            if left <= x and x + size - 1 <= right and low <= y and y + size - 1 <= high:
                whole.append((number, number + size * size - 1))
            else:
                cut.append((x, y, number))
        finer = [
            part
            for one in cut
            for part in _quarters(*one, size // 2)
            if _meets(part, size // 2, left, low, right, high)
        ]
        if not cut or size == 1 or len(_joined(whole + _spans(finer, size // 2))) > most:
            return _joined(whole + _spans(cut, size))
        begun = finer
    return _joined(whole)


def _quarters(x: int, y: int, number: int, half: int) -> tuple[tuple[int, int, int], ...]:
    area = half * half
    return (
        (x, y, number),
        (x, y + half, number + area),
        (x + half, y, number + 2 * area),
        (x + half, y + half, number + 3 * area),
    )


def _meets(part: tuple[int, int, int], size: int, left: int, low: int, right: int, high: int) -> bool:
    x, y, _number = part
    return x <= right and x + size - 1 >= left and y <= high and y + size - 1 >= low


def _spans(parts: list[tuple[int, int, int]], size: int) -> list[tuple[int, int]]:
    return [(number, number + size * size - 1) for _x, _y, number in parts]


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbours become one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
