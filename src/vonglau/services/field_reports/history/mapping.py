"""What a foreign file's columns and words mean here: a YAML file, checked before the first row is read."""

import re
from datetime import date, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from vonglau.core.errors import BadFile
from vonglau.core.facts import Text, categories, read_yaml
from vonglau.core.tables.times import zone as zone_of

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""Of a mapping: it also names a folder, which is removed when all is loaded."""

OpenState = Literal["received", "verified", "assigned", "in_progress"]
Resolved = Literal["fixed", "planned", "explained"]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the file's columns. No column for contacts: history needs none."""

    id: str
    opened: str
    closed: str
    status: str
    category: str
    due: str | None = None
    """The deadline for a result. Mapped: an empty cell means that there was none. Not mapped: computed from the level."""
    agency: str | None = None
    outcome: str | None = None
    lon: str | None = None
    lat: str | None = None
    words: str | None = None
    """What citizens wrote. Kept as content: covered where it is shown, erased by the same periods."""

    def used(self) -> list[str]:
        return [name for name in msgspec.structs.astuple(self) if name is not None]


class CategoryWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    values: dict[str, str]
    """The file's word → a category of `data/categories`."""
    otherwise: str | None = None
    """For words not listed; without it such rows are rejected."""


class OutcomeWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    otherwise: Resolved = "explained"
    """"Fixed" must be said, never assumed."""
    contains: dict[str, Resolved] = {}
    """Words that decide when the cell holds them (case does not matter); the first listed wins."""


class ForeignAgency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: Text
    kind: str = "department"


class Agencies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Agencies of the recording. Their validity keeps them out of today's lists."""

    valid_from: date
    valid_to: date
    values: dict[str, ForeignAgency]


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How another Open311 server is asked: `vonglau load open311`."""

    jurisdiction: str = ""
    format: Literal["json", "xml"] = "json"
    pages: bool = False
    """It knows `page` and `page_size`; otherwise a full window is halved."""
    most: int = 1000
    """Reports it gives at once."""
    pause: float = 1.0
    """Seconds between two requests."""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    """Names the source of every row it loads: the same rows under the same name are loaded once."""
    title: Text
    source: str
    """Origin and licence of the data."""
    zone: str
    """Of times without one: an IANA name, or a fixed offset such as "-05:00"."""
    columns: Columns
    status: dict[str, OpenState | Literal["closed"]]
    category: CategoryWords
    time_format: str | None = None
    """strptime's; absent: ISO 8601."""
    outcome: OutcomeWords = OutcomeWords()
    agencies: Agencies | None = None
    locality: str = ""
    """Province code; empty for a city abroad."""
    open311: Asking = Asking()

    @property
    def tz(self) -> tzinfo:
        return zone_of(self.zone)

    def outcome_of(self, words: str) -> str:
        folded = words.casefold()
        found = (outcome for word, outcome in self.outcome.contains.items() if word.casefold() in folded)
        return next(found, self.outcome.otherwise)


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file. BadFile names what is wrong in it and what to do."""
    mapping = read_yaml(path, Mapping)
    try:
        zone_of(mapping.zone)
    except (ValueError, ZoneInfoNotFoundError) as problem:
        raise BadFile(
            f'{path}, zone: {mapping.zone} is no zone; write an IANA name such as Asia/Ho_Chi_Minh or an offset "+07:00"'
        ) from problem
    if not NAME.fullmatch(mapping.name):
        raise BadFile(f"{path}, name: give it 1 to 40 letters a-z, digits, _ and -, beginning with a letter or a digit")
    if not 0.1 <= mapping.open311.pause <= 3600:
        raise BadFile(f"{path}, open311: pause {mapping.open311.pause} is not from 0.1 to 3600 seconds")
    if not 1 <= mapping.open311.most <= 100_000:
        raise BadFile(f"{path}, open311: most {mapping.open311.most} is not from 1 to 100,000 reports")
    if (mapping.columns.lon is None) != (mapping.columns.lat is None):
        raise BadFile(f"{path}, columns: lon and lat come together or not at all")
    if mapping.columns.agency is not None and mapping.agencies is None:
        raise BadFile(
            f"{path}: the column {mapping.columns.agency} is mapped, but `agencies` does not say who they are"
        )
    known = categories()
    wanted = [*mapping.category.values.values(), *filter(None, [mapping.category.otherwise])]
    unknown = sorted({code for code in wanted if code not in known})
    if unknown:
        raise BadFile(f"{path}, category: there is no category {', '.join(unknown)}; use some of {', '.join(known)}")
    return mapping
