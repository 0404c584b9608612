"""Reports as columns, and what is derived once from each: its words, its address, as numbers that can be compared.

Only what stands in a report when it is sent is looked at. A status, a note, a time of closing come later and would tell
the answer.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from vonglau.services.field_reports import table
from vonglau.services.field_reports.text import plain, words_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BUCKETS = 1 << 16
"""Words are known by a hash of this range: no dictionary has to be kept, and none could leak what citizens wrote."""

WORDS_LIMIT = 400
"""Of a text only so many different words are compared: longer ones are pasted letters, not descriptions."""

NEEDED = ("service_request_id", "service_code", "requested_datetime", "lat", "long")
OPTIONAL = ("description", "address", "media_url")


@dataclass(frozen=True, slots=True)
class One:
    """A single report as the form or the desk has it."""

    id: str
    at: float
    """Seconds since 1970 UTC."""
    lat: float
    lon: float
    service: str
    words: str = ""
    address: str = ""
    photo: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sets of words, one per report: `hashes[starts[i]:starts[i + 1]]`, ascending, each with its weight."""

    starts: Ints
    hashes: Ints
    weights: Floats
    lengths: Floats
    """Euclidean length of each report's weights, 0 for no words."""


@dataclass(frozen=True, slots=True)
class Forms:
    """Answers of forms: report i answered the questions `hashes[starts[i]:starts[i + 1]]`, ascending, with `said`."""

    starts: Ints
    hashes: Ints
    said: Ints


@dataclass(frozen=True, slots=True)
class Columns:
    """Reports in the order given."""

    ids: tuple[str, ...]
    at: Floats
    lat: Floats
    lon: Floats
    service: tuple[str, ...]
    words: tuple[str, ...]
    address: tuple[str, ...]
    photo: Bools

    def __len__(self) -> int:
        return len(self.ids)


def of(reports: Iterable[One]) -> Columns:
    """The same as columns."""
    rows = tuple(reports)
    return Columns(
        ids=tuple(row.id for row in rows),
        at=np.array([row.at for row in rows], dtype=np.float64),
        lat=np.array([row.lat for row in rows], dtype=np.float64),
        lon=np.array([row.lon for row in rows], dtype=np.float64),
        service=tuple(row.service for row in rows),
        words=tuple(row.words for row in rows),
        address=tuple(row.address for row in rows),
        photo=np.array([row.photo for row in rows], dtype=np.bool_),
    )


def read(path: Path) -> Columns:
    """A file's reports; of rows with the same id the first. BadFile when it lacks a column."""
    found = table.once(table.read(path, NEEDED, OPTIONAL), "service_request_id")
    return Columns(
        ids=tuple(table.texts(found, "service_request_id")),
        at=table.moments(found, "requested_datetime"),
        lat=table.numbers(found, "lat"),
        lon=table.numbers(found, "long"),
        service=tuple(table.texts(found, "service_code")),
        words=tuple(table.texts(found, "description")),
        address=tuple(table.texts(found, "address")),
        photo=np.array([bool(link) for link in table.texts(found, "media_url")], dtype=np.bool_),
    )


FIELDS_LIMIT = 40

_FIELD = re.compile(r"(?:^|\|)[^:|]{1,60}:")
_NUMBER = re.compile(r"\s*(\d{1,6})\b")


def answers(text: str) -> str:
    """The answers of a form sent as "Colour: blue | Make: …" without its questions, which every such report shares."""
    return _FIELD.sub(" ", text) if "|" in text else text


def filled_in(text: str) -> dict[str, str]:
    """Question and answer of such a form; nothing for a text that is none."""
    if "|" not in text:
        return {}
    pairs = (part.partition(":") for part in text.split("|")[:FIELDS_LIMIT])
    return {plain(asked).strip(): plain(said).strip() for asked, colon, said in pairs if colon and said.strip()}


def bucket_of(word: str) -> int:
    return crc32(word.encode()) % BUCKETS


class _Hashing:
    """Words to buckets, each computed once."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __call__(self, words: Sequence[str]) -> list[int]:
        known = self.known
        for word in words:
            if word not in known:
                known[word] = bucket_of(word)
        return sorted({known[word] for word in words})[:WORDS_LIMIT]


def tokens(lists: Sequence[Sequence[int]], weight_of: Floats) -> Tokens:
    """Sets of buckets with the weight of each bucket."""
    starts = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in lists], out=starts[1:])
    hashes = np.fromiter((bucket for one in lists for bucket in one), dtype=np.int64, count=int(starts[-1]))
    weights = weight_of[hashes]
    owner = np.repeat(np.arange(len(lists)), np.diff(starts))
    lengths = np.sqrt(np.bincount(owner, weights=weights * weights, minlength=len(lists)))
    return Tokens(starts, hashes, weights, lengths)


def forms(texts: Sequence[str]) -> Forms:
    """Of reports that were sent as a form."""
    answered = [{bucket_of(asked): crc32(said.encode()) for asked, said in filled_in(text).items()} for text in texts]
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in answered], out=starts[1:])
    rows = [(asked, one[asked]) for one in answered for asked in sorted(one)]
    both = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return Forms(starts, both[:, 0], both[:, 1])


@dataclass(frozen=True, slots=True)
class Prepared:
    """Columns with what is compared of each report."""

    columns: Columns
    id_key: Ints
    """Equal for equal ids; orders what is otherwise equal the same way in every file."""
    placed: Bools
    """Has a point and a time: others can neither be nor have a duplicate."""
    service: Ints
    """Rank of the service in the model, -1 for one it never saw."""
    service_key: Ints
    """Equal where the service is equal."""
    words: Tokens
    form: Forms
    address: Tokens
    text_key: Ints
    """Equal where the words are the same; -1 for fewer than three words."""
    address_key: Ints
    """Equal where street and number are the same; -1 without an address."""
    street_key: Ints
    house: Floats
    """House number, NaN without."""

    def __len__(self) -> int:
        return len(self.columns)


_UNIT = np.ones(BUCKETS)


def prepare(columns: Columns, services: Sequence[str], weight_of: Floats) -> Prepared:
    """Everything derived, row by row: a row's numbers depend on that row alone, so a file may be cut anywhere."""
    hashing = _Hashing()
    texts = [plain(answers(text)) for text in columns.words]
    words = [hashing(words_of(text)) for text in texts]
    heads = [plain(text).partition(",")[0].strip() for text in columns.address]
    streets = [" ".join(word for word in words_of(head) if not word.isdigit()) for head in heads]
    houses = [_NUMBER.match(head) for head in heads]
    rank = {code: at for at, code in enumerate(services)}
    with np.errstate(invalid="ignore"):
        placed = np.isfinite(columns.at) & (abs(columns.lat) <= 90) & (abs(columns.lon) <= 180)
    return Prepared(
        columns=columns,
        id_key=_keys(columns.ids),
        placed=placed,
        service=np.array([rank.get(code, -1) for code in columns.service], dtype=np.int64),
        service_key=_keys(columns.service),
        words=tokens(words, weight_of),
        form=forms(columns.words),
        address=tokens([hashing(words_of(plain(text))) for text in columns.address], _UNIT),
        text_key=_keys([text.strip() if len(known) >= 3 else "" for text, known in zip(texts, words, strict=True)]),
        address_key=_keys(heads),
        street_key=_keys(streets),
        house=np.array([float(found[1]) if found else np.nan for found in houses]),
    )


def _keys(texts: Sequence[str]) -> Ints:
    """Two CRCs make 62 bits: the same words give the same key in every file. -1 for none."""
    return np.array(
        [(crc32(raw) << 30) ^ crc32(raw[::-1]) if (raw := text.encode()) else -1 for text in texts], dtype=np.int64
    )
