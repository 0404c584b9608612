"""Puts usable rows into a recording world, a few hundred per transaction, so that nobody waits long behind it."""

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from vonglau.core import audit, changes
from vonglau.core.bulk import insert_many
from vonglau.core.calendars import calendar
from vonglau.core.errors import BadInput
from vonglau.core.events import WORLD_PATTERN
from vonglau.core.facts import categories
from vonglau.core.incidents import clocks
from vonglau.core.incidents.models import Incident, IncidentCounter
from vonglau.core.incidents.states import OPEN, State
from vonglau.core.levels import levels
from vonglau.core.people.models import Agency
from vonglau.core.places.index import PlaceIndex
from vonglau.core.tables import files
from vonglau.core.worlds import World, WorldKind, ensure_world
from vonglau.services.field_reports import intake, masking, rules
from vonglau.services.field_reports.history.mapping import Mapping, read_mapping
from vonglau.services.field_reports.history.rows import Reader, Reject, Row
from vonglau.services.field_reports.history.seen import Seen
from vonglau.services.field_reports.models import Content, Report
from vonglau.services.field_reports.published import writing

CHUNK = 400
"""Rows per transaction: some 50 ms, so that a click at the desk is not kept waiting."""
PAUSE = 0.001
"""Seconds after each commit: SQLite's waiting is no queue, a writer in a tight loop would starve the others."""
EXAMPLES = 10

Progress = Callable[[int, int | None], None]
"""(rows read, rows in all or None)."""


def load(
    path: Path, mapping: Path, world: str, dry_run: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Load a file of past reports. The same rows again add nothing. Raises BadFile and BadInput before anything is written.

    Returns rows = loaded + already + rejected; open + closed = what can be used of the file; overdue: open past its deadline by the
    recording's clock; late: closed after it; odd: kept although contradictory, by reason; rejects: file that lists every row left out.
    """
    begun = time.perf_counter()
    if not WORLD_PATTERN.match(world):
        raise BadInput(f"World {world!r}: use up to 63 small letters, digits and hyphens.")
    if World.objects.filter(pk=world).exclude(kind=WorldKind.RECORDING).exists():
        raise BadInput(
            f"World {world!r} is no recording: history never mixes with what is live or drilled. Name another."
        )
    means = read_mapping(mapping)
    run = _Run(means, world, dry_run)
    total = files.count(path)
    lines = files.lines(path, means.columns.used())
    while piece := list(islice(lines, CHUNK)):
        run.take(piece)
        if progress is not None:
            progress(run.rows, total)
    run.finish()
    return {**run.summary(), "seconds": round(time.perf_counter() - begun, 2)}


class _Run:
    """One loading: its counts, and what it must remember from row to row."""

    def __init__(self, mapping: Mapping, world: str, dry_run: bool) -> None:
        self.mapping, self.world_id, self.dry_run = mapping, world, dry_run
        self.reader = Reader(mapping)
        self.rows = self.loaded = self.already = self.open = self.closed = self.late = 0
        self.odd: Counter[str] = Counter()
        self.counted = Seen(mapping)
        self.rejects: list[Reject] = []
        self.running: list[datetime] = []
        """Deadlines of open rows."""
        self.clock = datetime(1970, 1, 1, tzinfo=UTC)
        known = Report.objects.filter(world=world, source=mapping.name).values_list("external_id", flat=True)
        self.known = set(known)
        self.seen: dict[str, int] = {}
        self.agencies: dict[str, Agency] = {}
        self.store: _Store | None = None

    def take(self, piece: Iterable[files.Line]) -> None:
        fresh: list[Row] = []
        for line, cells in piece:
            self.rows += 1
            row = self.reader.read(line, cells)
            if isinstance(row, Row) and row.id in self.seen:
                row = Reject(
                    line, row.id, self.mapping.columns.id, f"the id stands in line {self.seen[row.id]} already"
                )
            self.counted.take(cells, row)
            if isinstance(row, Reject):
                self.rejects.append(row)
                continue
            self.seen[row.id] = line
            self._count(row)
            if row.id in self.known:
                self.already += 1
            else:
                fresh.append(row)
        self.loaded += len(fresh)
        if fresh and not self.dry_run:
            self.store = self.store or _Store(self.mapping, self.world_id)
            self.store.write(fresh, self.clock)
            time.sleep(PAUSE)

    def _count(self, row: Row) -> None:
        self.clock = max(self.clock, row.opened, row.closed or row.opened)
        due = due_of(row, self.mapping)
        if row.state in OPEN:
            self.open += 1
            if due is not None:
                self.running.append(due)
        else:
            self.closed += 1
            self.late += due is not None and row.closed is not None and row.closed > due
        if row.odd:
            self.odd[row.odd] += 1
        if row.agency and self.mapping.agencies is not None and row.agency not in self.mapping.agencies.values:
            self.odd["agency not in the mapping"] += 1

    def finish(self) -> None:
        if self.loaded and not self.dry_run:
            changes.announce(self.world_id, "world", f"loaded/{self.mapping.name}", loaded=self.loaded)

    def summary(self) -> dict[str, Any]:
        return {
            "world": self.world_id,
            "mapping": self.mapping.name,
            "dry_run": self.dry_run,
            "rows": self.rows,
            "loaded": self.loaded,
            "already": self.already,
            "rejected": len(self.rejects),
            "open": self.open,
            "closed": self.closed,
            "overdue": sum(due < self.clock for due in self.running),
            "late": self.late,
            "odd": dict(self.odd),
            **self.counted.told(),
            "rejects": str(self._write_rejects() or "") or None,
            "examples": [
                {"line": bad.line, "column": bad.column, "reason": bad.reason} for bad in self.rejects[:EXAMPLES]
            ],
        }

    def _write_rejects(self) -> Path | None:
        """Every row that was left out, so that it can be mended and loaded: no row is dropped silently."""
        if not self.rejects:
            return None
        path = Path(settings.VONGLAU_DATA) / "rejects" / f"{self.world_id}-{Path(self.mapping.name).name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(("line", "id", "column", "reason"))
            out.writerows((bad.line, bad.id, bad.column, bad.reason) for bad in self.rejects)
        return path


def due_of(row: Row, mapping: Mapping) -> datetime | None:
    """The deadline for a result: the file's own where it has such a column, else that of the category's level.

    When it was verified is not known, so the computed one runs from receipt through both limits.
    """
    if mapping.columns.due is not None:
        return row.due
    level = levels()[categories()[row.category].level]
    return calendar(level.calendar).add_working(row.opened, level.receive + level.handle)


class _Store:
    """Writes rows that are new."""

    def __init__(self, mapping: Mapping, world: str) -> None:
        self.mapping = mapping
        self.world: World = ensure_world(
            world, WorldKind.RECORDING, mapping.locality, title_vi=mapping.title.vi, title_en=mapping.title.en
        )
        self.places: PlaceIndex | None = intake.place_index(self.world)
        self.agencies = dict(self._agencies())

    def _agencies(self) -> Iterator[tuple[str, Agency]]:
        said = self.mapping.agencies
        for word, foreign in (said.values if said else {}).items():
            if said is not None:
                agency, _made = Agency.objects.get_or_create(
                    code=foreign.code,
                    valid_from=said.valid_from,
                    defaults={
                        "valid_to": said.valid_to,
                        "name_vi": foreign.name.vi,
                        "name_en": foreign.name.en,
                        "kind": foreign.kind,
                    },
                )
                yield word, agency

    @transaction.atomic
    def write(self, rows: list[Row], clock: datetime) -> None:
        refs = self._refs(rows)
        incidents = [self._incident(row, ref) for row, ref in zip(rows, refs, strict=True)]
        insert_many(incidents)
        keys = dict(Incident.objects.filter(world=self.world.pk, ref__in=refs).values_list("ref", "pk"))
        for incident in incidents:
            incident.pk = keys[incident.ref]
        reports = [self._report(row, incident) for row, incident in zip(rows, incidents, strict=True)]
        insert_many(reports)
        self._words(rows, reports)
        came = Report.objects.filter(world=self.world.pk, reference__in=[one.reference for one in reports])
        writing.arrived(list(came.values_list("pk", flat=True)))
        audit.record_many(
            (incident.stream, self._audited(row, incident)) for row, incident in zip(rows, incidents, strict=True)
        )
        World.objects.filter(pk=self.world.pk).exclude(seen_until__gte=clock).update(seen_until=clock)

    def _words(self, rows: list[Row], reports: list[Report]) -> None:
        """What citizens wrote, where the mapping names a column of it."""
        wrote = {report.reference: row.words for row, report in zip(rows, reports, strict=True) if row.words}
        keys = Report.objects.filter(world=self.world.pk, reference__in=wrote).values_list("reference", "pk")
        insert_many(
            [
                Content(report_id=pk, description=wrote[reference], public_words=masking.public(wrote[reference]))
                for reference, pk in keys
            ]
        )

    def _refs(self, rows: list[Row]) -> list[str]:
        """References in the order of the file, as the desk would have given them."""
        months = [timezone.localtime(row.opened).strftime("%y%m") for row in rows]
        last: dict[str, int] = {}
        for month, needed in Counter(months).items():
            counter, _made = IncidentCounter.objects.select_for_update().get_or_create(world=self.world.pk, month=month)
            last[month] = counter.last
            counter.last += needed
            counter.save(update_fields=["last"])
        refs = []
        for month in months:
            last[month] += 1
            refs.append(f"SV-{month}-{last[month]:04d}")
        return refs

    def _incident(self, row: Row, ref: str) -> Incident:
        category = categories()[row.category]
        found = (
            self.places.locate(row.lon, row.lat)
            if self.places and row.lon is not None and row.lat is not None
            else None
        )
        due = due_of(row, self.mapping)
        incident = Incident(
            world=self.world.pk,
            ref=ref,
            kind=intake.KIND,
            service=intake.SERVICE,
            title=category.name.vi,
            origin="load",
            category=category.code,
            level=category.level,
            state=row.state,
            agency=self.agencies.get(row.agency),
            lon=row.lon,
            lat=row.lat,
            ward=found.ward_code if found else "",
            near_border=found.near_border if found else False,
            received_at=row.opened,
            resolved_at=row.closed,
            closed_at=row.closed,
            handle_due=due,
            outcome=row.outcome,
        )
        if row.state == State.RECEIVED:
            clocks.start(incident)
        # Otherwise the receive clock is unknown and stays empty: an unknown moment is neither timely nor late.
        clocks.show(incident)
        return incident

    def _report(self, row: Row, incident: Incident) -> Report:
        return Report(
            world=incident.world,
            reference=rules.reference_of(incident.ref),
            incident=incident,
            category=incident.category,
            lon=row.lon,
            lat=row.lat,
            ward=incident.ward,
            received_at=row.opened,
            source=self.mapping.name,
            external_id=row.id,
            original_category=row.original,
        )

    def _audited(self, row: Row, incident: Incident) -> dict[str, Any]:
        return {
            "at": row.opened.isoformat(timespec="microseconds"),
            "who": "system",
            "role": "system",
            "step": "load",
            "from": "",
            "to": incident.state,
            "level": incident.level,
            "agency": incident.agency.code if incident.agency else "",
            "handle_due": incident.handle_due.isoformat() if incident.handle_due else None,
            "resolved_at": row.closed.isoformat() if row.closed else None,
            "outcome": incident.outcome,
            "because": {"load": self.mapping.name, "row": row.id},
            **({"odd": row.odd} if row.odd else {}),
        }
