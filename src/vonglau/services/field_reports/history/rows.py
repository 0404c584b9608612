"""One row of a foreign file becomes what we can keep, or a reason why not. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vonglau.core.incidents.states import State
from vonglau.services.field_reports.history.mapping import Mapping

WORDS = 4_000
"""Characters of a citizen's words that are kept, as the specification of Open311 allows."""
EMPTY = ("", "null", "none", "na", "n/a", "nan")


@dataclass(frozen=True, slots=True)
class Row:
    """A usable row; moments in UTC."""

    line: int
    id: str
    category: str
    original: str
    opened: datetime
    closed: datetime | None
    due: datetime | None
    state: str
    outcome: str
    agency: str
    """As the file writes it; "" when it names none."""
    lon: float | None
    lat: float | None
    words: str = ""

    @property
    def odd(self) -> str:
        """What is contradictory in it, although it can be kept as it stands."""
        return "closed before it was opened" if self.closed is not None and self.closed < self.opened else ""


@dataclass(frozen=True, slots=True)
class Reject:
    line: int
    id: str
    column: str
    reason: str


class Unusable(ValueError):
    """Of one row; caught by `Reader.read`."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


class Reader:
    """Reads rows given as cells in the order of `mapping.columns.used()`."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping, self.zone = mapping, mapping.tz
        columns = mapping.columns
        at = {name: index for index, name in enumerate(columns.used())}
        self._at = {field: at[name] for field in columns.__struct_fields__ if (name := getattr(columns, field))}
        self._names = {field: getattr(columns, field) for field in self._at}

    def read(self, line: int, cells: Sequence[object]) -> Row | Reject:
        id = self._text(cells, "id")
        try:
            return self._row(line, id, cells)
        except Unusable as problem:
            return Reject(line, id[:80], problem.column, problem.reason)

    def _row(self, line: int, id: str, cells: Sequence[object]) -> Row:
        if not id or len(id) > 80 or "\x00" in id:
            raise Unusable(self._names["id"], "an id of 1 to 80 characters is needed")
        opened = self._moment(cells, "opened")
        if opened is None:
            raise Unusable(self._names["opened"], "it does not say when it was opened")
        state, closed = self._state(cells), self._moment(cells, "closed")
        ended = state == State.CLOSED
        if ended and closed is None:
            raise Unusable(self._names["closed"], "it is closed but does not say when")
        if not ended and closed is not None:
            raise Unusable(self._names["status"], "it is open but says when it was closed")
        original = self._text(cells, "category")
        words = self.mapping.category
        category = words.values.get(original, words.otherwise)
        if category is None:
            raise Unusable(self._names["category"], f"the mapping has no category for {original[:60]!r}")
        lon, lat = self._point(cells)
        agency = self._text(cells, "agency")
        if state in (State.ASSIGNED, State.IN_PROGRESS) and not agency:
            state = State.VERIFIED
        return Row(
            line=line,
            id=id,
            category=category,
            original=original[:120],
            opened=opened,
            closed=closed,
            due=self._moment(cells, "due"),
            state=state,
            outcome=self.mapping.outcome_of(self._text(cells, "outcome")) if ended else "",
            agency=agency,
            lon=lon,
            lat=lat,
            words=self._text(cells, "words").replace("\x00", "")[:WORDS],
        )

    def _text(self, cells: Sequence[object], field: str) -> str:
        cell = cells[self._at[field]] if field in self._at else None
        text = "" if cell is None else str(cell).strip()
        return "" if text.lower() in EMPTY else text

    def _state(self, cells: Sequence[object]) -> str:
        said = self._text(cells, "status")
        state = self.mapping.status.get(said)
        if state is None:
            raise Unusable(self._names["status"], f"the mapping has no status for {said[:60]!r}")
        return state

    def _moment(self, cells: Sequence[object], field: str) -> datetime | None:
        cell = cells[self._at[field]] if field in self._at else None
        if not isinstance(cell, datetime):
            text = self._text(cells, field)
            if not text:
                return None
            try:
                written = self.mapping.time_format
                cell = datetime.strptime(text, written) if written else datetime.fromisoformat(text)  # noqa: DTZ007
            except ValueError as problem:
                raise Unusable(self._names[field], f"{text[:40]!r} is not a time as the mapping writes it") from problem
        if cell.tzinfo is None:
            cell = cell.replace(tzinfo=self.zone)
        try:
            moment = cell.astimezone(UTC)
        except OverflowError:
            moment = datetime(1, 1, 1, tzinfo=UTC)
        if not 1970 <= moment.year <= 2100:
            raise Unusable(self._names[field], f"the year {moment.year} cannot be right")
        return moment

    def _point(self, cells: Sequence[object]) -> tuple[float | None, float | None]:
        found: list[float | None] = []
        for field, limit in (("lon", 180.0), ("lat", 90.0)):
            text = self._text(cells, field)
            if not text:
                found.append(None)
                continue
            try:
                value = float(text)
            except ValueError as problem:
                raise Unusable(self._names[field], f"{text[:40]!r} is not a number") from problem
            if not math.isfinite(value) or abs(value) > limit:
                raise Unusable(self._names[field], f"{text[:40]!r} is off the Earth")
            found.append(value)
        return (found[0], found[1]) if None not in found else (None, None)
