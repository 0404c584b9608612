"""Whether a write-ahead file is whole: what SQLite itself does not say.

SQLite reads a write-ahead file up to the first frame whose checksum does not hold and forgets the rest in silence; that is right for what a
power cut tore, and hides a damage. Here the frames beyond are looked at too: a commit among them was acknowledged, unless the machine
stopped while it was being written, and is not seen any more. Format: https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log".
"""

import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

HEADER, FRAME = 32, 24
_MAGIC = 0x377F0682
"""Checksums over little-endian words; with the last bit set, big-endian."""
_AT_ONCE = 512
"""Frames looked at together: some megabytes of memory."""

Words = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Damage:
    """Frames are counted from 1; 0 is the file's header. `commits`, from the damaged frame on, are not seen; none: a torn end."""

    frame: int
    frames: int
    commits: int


def damage(path: Path) -> Damage | None:
    """None for a whole file, an empty or missing one, and one that is no write-ahead file (SQLite starts it anew).

    The file must not be written meanwhile. Memory: some megabytes, whatever its size.
    """
    try:
        with path.open("rb") as file:
            header = file.read(HEADER)
            magic, page = (int.from_bytes(header[at : at + 4], "big") for at in (0, 8))
            if len(header) < HEADER or magic & ~1 != _MAGIC or not 512 <= page <= 65536 or page & (page - 1):
                return None
            return _look(file, header, page, ">" if magic & 1 else "<")
    except FileNotFoundError:
        return None


def _look(file: BinaryIO, header: bytes, page: int, order: str) -> Damage | None:
    width = FRAME + page
    sound = struct.pack(">2I", *_sum(header[:24], order)) == header[24:]
    before = np.frombuffer(header[24:], ">u4").astype(np.uint32)
    parts, rest = [], b""
    while chunk := file.read(width * _AT_ONCE):
        count = len(chunk) // width
        rest = chunk[count * width :]
        frames = np.frombuffer(chunk, np.uint8, count * width).reshape(count, width)
        heads = frames[:, :FRAME].copy().view(">u4").astype(np.uint32)
        parts.append(np.column_stack((_holds(frames, heads, before, order), heads[:, 1:4])))
        before = heads[-1, 4:] if count else before
    if not sum(map(len, parts)):
        return None
    holds, sizes, *salts = np.concatenate(parts).T
    expected = np.frombuffer(header[16:24], ">u4") if sound else [salts[0][0], salts[1][0]]
    ours = (salts[0] == expected[0]) & (
        salts[1] == expected[1]
    )  # others are left over from an earlier turn of the file
    last = int(np.flatnonzero(ours)[-1]) + 1 if ours.any() else 0
    seen = int(np.argmin([*(holds[:last].astype(bool) & ours[:last]), False])) if sound else 0
    if seen < last:
        commits = int(np.count_nonzero(ours[seen:last] & (sizes[seen:last] > 0)))
        return Damage(seen + 1 if sound else 0, last, commits)
    torn = last == len(ours) and len(rest) > 0 and rest[8:16] == header[16:24][: max(0, len(rest) - 8)]
    return Damage(last + 1, last + 1, 0) if torn else None


def _holds(frames: NDArray[np.uint8], heads: Words, before: Words, order: str) -> NDArray[np.bool_]:
    """Which frames agree with their own checksum, going on from the one that the frame before says it has."""
    if not len(frames):
        return np.zeros(0, bool)
    page = frames.shape[1] - FRAME
    weights, carried = _weights(page)
    own = frames.view(f"{order}u4").astype(np.uint32) @ weights
    previous = np.vstack((before, heads[:-1, 4:]))
    found: NDArray[np.bool_] = (own + previous @ carried == heads[:, 4:]).all(axis=1)
    return found


@cache
def _weights(page: int) -> tuple[Words, Words]:
    """The checksum of a frame as one product, modulo 2³²: what each of its words adds to both sums, and what the sums before it become.

    SQLite adds up pairs of words, (a, b): first += a + second; second += b + first. That is linear: the sums times [[1, 1], [1, 2]], plus
    (a, a + b). A frame's checksum goes over the first two words of its head, and over its page.
    """
    pairs = (8 + page) // 8
    weights = np.zeros((pairs, 2, 2), np.uint32)
    one, other, last = (
        1,
        0,
        1,
    )  # the symmetric matrix [[one, other], [other, last]], to the power of how many pairs follow
    for at in reversed(range(pairs)):
        weights[at] = ((one + other) & _ALL, (other + last) & _ALL), (other, last)
        one, other, last = (one + other) & _ALL, (other + last) & _ALL, (other + 2 * last) & _ALL
    flat = weights.reshape(-1, 2)
    between = np.zeros((FRAME // 4 - 2, 2), np.uint32)
    return np.vstack((flat[:2], between, flat[2:])), np.array([[one, other], [other, last]], np.uint32)


_ALL = 0xFFFFFFFF


def _sum(data: bytes, order: str) -> tuple[int, int]:
    """SQLite's checksum over pairs of 32-bit words, as it is written down."""
    first, second = 0, 0
    for one, other in struct.iter_unpack(f"{order}2I", data):
        first = (first + one + second) & _ALL
        second = (second + other + first) & _ALL
    return first, second
