"""What is known of a report when it is sent, as hashed features: words, pairs of words, pieces of words, place, time, photo.

Each feature is a name ("w:lamp", "hour:17") whose hash picks one of `SIZE` weights. No dictionary is kept: a model holds numbers, and
none of the words that citizens wrote.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from vonglau.services.field_reports import table
from vonglau.services.field_reports.text import plain, words_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

SIZE = 1 << 18
WORDS_LIMIT = 300
"""Words of a text that are looked at."""
PIECE = (3, 5)
"""Lengths of the pieces of words, in letters: they carry over to misspelt and unseen forms."""
PART = 5_000
"""Reports read at once: bounds the memory."""

NEEDED = ("service_request_id", "requested_datetime")
OPTIONAL = ("description", "address", "lat", "long", "media_url", "service_code")


@dataclass(frozen=True, slots=True)
class Report:
    """What the suggestion looks at; each may be missing."""

    words: str = ""
    at: float = float("nan")
    """Seconds since 1970 UTC."""
    lat: float = float("nan")
    lon: float = float("nan")
    address: str = ""
    photo: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """A sparse matrix by rows: row i has `columns[starts[i]:starts[i + 1]]`, each once, with `values`."""

    starts: npt.NDArray[np.int64]
    columns: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class File:
    """The reports of a file, with what they were filed as ("" where the file does not say)."""

    ids: list[str]
    at: npt.NDArray[np.float64]
    codes: list[str]
    reports: list[Report]


def read(path: Path, *, codes: bool) -> File:
    """BadFile when it lacks a column; `codes`: what reports were filed as is needed too."""
    needed = (*NEEDED, "service_code") if codes else NEEDED
    found = table.read(path, needed, tuple(one for one in OPTIONAL if one not in needed))
    at = table.moments(found, "requested_datetime")
    nowhere = np.full(found.num_rows, np.nan)
    lat = table.numbers(found, "lat") if "lat" in found.column_names else nowhere
    lon = table.numbers(found, "long") if "long" in found.column_names else nowhere
    rows = zip(
        table.texts(found, "description"),
        at.tolist(),
        lat.tolist(),
        lon.tolist(),
        table.texts(found, "address"),
        (bool(link) for link in table.texts(found, "media_url")),
        strict=True,
    )
    return File(
        ids=table.texts(found, "service_request_id"),
        at=at,
        codes=table.texts(found, "service_code"),
        reports=[Report(*row) for row in rows],
    )


def bucket(name: str) -> int:
    """The weight a feature's name picks."""
    return crc32(name.encode()) % SIZE


class Reader:
    """Reports to features; each word's pieces are computed once."""

    def __init__(self) -> None:
        self._words: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._pairs: dict[str, int] = {}

    def word(self, word: str) -> tuple[int, tuple[int, ...]]:
        """A word's own bucket, and those of its pieces."""
        known = self._words.get(word)
        if known is None:
            edged = f" {word} "
            pieces = {
                edged[start : start + length]
                for length in range(PIECE[0], PIECE[1] + 1)
                for start in range(len(edged) - length + 1)
            }
            known = self._words[word] = (bucket(f"w:{word}"), tuple(bucket(f"p:{one}") for one in sorted(pieces)))
        return known

    def pair(self, first: str, second: str) -> int:
        """The bucket of two words in a row."""
        name = f"b:{first} {second}"
        known = self._pairs.get(name)
        if known is None:
            known = self._pairs[name] = bucket(name)
        return known

    def rows(self, reports: Sequence[Report], scale: Floats | None = None, *, blocks: int = 3) -> Rows:
        """Each block (words and pairs, pieces, circumstances) has length 1, so a long text counts no more than a short one.

        `scale` multiplies the features; `blocks` counts how many of the three are read.
        """
        parts = [self._part(reports[at : at + PART], scale, blocks) for at in range(0, len(reports), PART)]
        counts = np.concatenate([np.zeros(1, np.int64), *(part.starts for part in parts)])
        return Rows(
            np.cumsum(counts),
            np.concatenate([np.empty(0, np.int32), *(part.columns for part in parts)]),
            np.concatenate([np.empty(0, np.float32), *(part.values for part in parts)]),
        )

    def _part(self, reports: Sequence[Report], scale: Floats | None, blocks: int) -> Rows:
        """Some reports; `starts` holds the length of each row instead."""
        found: list[int] = []
        lengths: list[int] = []
        for report in reports:
            for block in self._blocks(report)[:blocks]:
                found += block
                lengths.append(len(block))
        owner = np.repeat(np.arange(len(lengths)), lengths)
        keys, often = np.unique(owner * SIZE + np.array(found, dtype=np.int64), return_counts=True)
        columns, owner = keys % SIZE, keys // SIZE
        values = 1.0 + np.log(often)
        if scale is not None:
            values = values * scale[columns]
        norm = np.sqrt(np.bincount(owner, weights=values * values, minlength=len(lengths)))
        values = values / np.maximum(norm[owner], 1e-9)
        size = np.bincount(owner // blocks, minlength=len(reports))
        return Rows(size, columns.astype(np.int32), values.astype(np.float32))

    def _blocks(self, report: Report) -> tuple[list[int], list[int], list[int]]:
        words = words_of(plain(report.words))[:WORDS_LIMIT]
        read = [self.word(word) for word in words]
        own = [bucket for bucket, _ in read]
        own += [self.pair(a, b) for a, b in pairwise(words)]
        pieces = [piece for _, some in read for piece in some]
        return own, pieces, [self.name(name) for name in circumstances(report)]

    def name(self, name: str) -> int:
        """The bucket of a circumstance."""
        known = self._pairs.get(name)
        if known is None:
            known = self._pairs[name] = bucket(name)
        return known


def circumstances(report: Report) -> Iterator[str]:
    """Names of what is known beside the words."""
    count = len(report.words.split())
    length = "0" if not report.words.strip() else "few" if count < 6 else "some" if count < 25 else "many"
    yield f"length:{length}"
    yield f"photo:{report.photo:d}"
    yield f"length:{length} photo:{report.photo:d}"
    if np.isfinite(report.at):
        moment = datetime.fromtimestamp(report.at, UTC)
        week = moment.timetuple().tm_yday // 7
        yield f"hour:{moment.hour}"
        yield f"weekday:{moment.weekday()}"
        yield f"week:{week}"
        yield f"week:{week} length:{length}"
    if abs(report.lat) <= 90 and abs(report.lon) <= 180:
        for name, cells in (("near", 400.0), ("around", 60.0)):
            cell = f"{name}:{int(np.floor(report.lat * cells))},{int(np.floor(report.lon * cells * 0.75))}"
            yield cell
            if length == "0":
                yield f"{cell} length:0"
    head = words_of(plain(report.address))
    if head:
        yield f"address:{'number' if head[0][0].isdigit() else head[0]}"
