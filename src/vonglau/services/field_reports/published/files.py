"""Public reports as files: CSV, GeoJSON (RFC 7946), GeoParquet 1.1. Written piece by piece, so that a million rows need no memory."""

import csv
import io
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet

from vonglau.services.field_reports.models import PublicReport
from vonglau.services.field_reports.published.plainly import for_cell

CHUNK = 2_000
"""Rows read at once."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of every file. `kind`: string | integer | boolean | datetime | date | number. Words of `what` stand in the schema."""

    name: str
    kind: str
    vi: str
    en: str
    get: Callable[[PublicReport], Any]


COLUMNS: tuple[Column, ...] = (
    Column(
        "reference",
        "string",
        "Mã phản ánh; không đổi",
        "Number of the report; it never changes",
        lambda row: row.reference,
    ),
    Column(
        "category",
        "string",
        "Mã loại việc (Open311 service_code)",
        "Code of the category (Open311 service_code)",
        lambda row: row.category,
    ),
    Column(
        "level", "string", "Mức độ: urgent, normal, complex", "Level: urgent, normal, complex", lambda row: row.level
    ),
    Column("state", "string", "Trạng thái của việc", "State of the work", lambda row: row.state),
    Column(
        "outcome",
        "string",
        "Kết quả: fixed, planned, explained, redirected, unfounded; trống khi chưa có",
        "Outcome: fixed, planned, explained, redirected, unfounded; empty while there is none",
        lambda row: row.outcome or None,
    ),
    Column("open", "boolean", "Còn chờ kết quả", "Whether a result is still to come", lambda row: row.running),
    Column(
        "waits_for_citizen",
        "boolean",
        "Đồng hồ đang dừng để chờ người dân",
        "The clock is paused for the citizen",
        lambda row: row.waiting,
    ),
    Column("reopened", "integer", "Số lần mở lại", "How often it was reopened", lambda row: row.reopened),
    Column(
        "was_late",
        "boolean",
        "Đã có kết quả muộn, rồi được mở lại",
        "A result came after its deadline, before it was reopened",
        lambda row: row.was_late,
    ),
    Column(
        "merged",
        "boolean",
        "Đã gộp vào phản ánh khác: không tính hai lần",
        "Merged into another report: do not count it twice",
        lambda row: row.merged,
    ),
    Column(
        "merged_into",
        "string",
        "Mã của phản ánh giữ lại",
        "Number of the report it was merged into",
        lambda row: row.keeper or None,
    ),
    Column(
        "joined",
        "integer",
        "Số phản ánh khác đã gộp vào đây",
        "How many other reports were merged into it",
        lambda row: row.joined,
    ),
    Column("received_at", "datetime", "Lúc gửi", "When it was received", lambda row: row.received_at),
    Column("verified_at", "datetime", "Lúc xác minh", "When it was verified", lambda row: row.verified_at),
    Column("resolved_at", "datetime", "Lúc có kết quả", "When there was a result", lambda row: row.resolved_at),
    Column("updated_at", "datetime", "Bước công khai gần nhất", "Its last public step", lambda row: row.updated_at),
    Column("receive_due", "datetime", "Hạn tiếp nhận", "Deadline to verify it", lambda row: row.receive_due),
    Column("handle_due", "datetime", "Hạn xử lý", "Deadline for a result", lambda row: row.handle_due),
    Column(
        "planned_for",
        "date",
        "Ngày dự kiến, khi kết quả là “đã lên kế hoạch”",
        "The day it is planned for, where the outcome is “planned”",
        lambda row: row.planned_for,
    ),
    Column(
        "ward",
        "string",
        "Mã phường, xã (danh mục hành chính nhà nước)",
        "Code of the ward (national register)",
        lambda row: row.ward or None,
    ),
    Column(
        "agency",
        "string",
        "Mã cơ quan xử lý",
        "Code of the handling agency",
        lambda row: row.agency.code if row.agency else None,
    ),
    Column(
        "agency_name",
        "string",
        "Tên cơ quan xử lý",
        "Name of the handling agency, in Vietnamese",
        lambda row: row.agency.name_vi if row.agency else None,
    ),
    Column("longitude", "number", "Kinh độ (WGS 84)", "Longitude (WGS 84)", lambda row: row.lon),
    Column("latitude", "number", "Vĩ độ (WGS 84)", "Latitude (WGS 84)", lambda row: row.lat),
    Column(
        "words",
        "string",
        "Lời kể đã che số điện thoại, biển số, thư điện tử; chỉ sau khi trung tâm xác minh",
        "The citizen's words, numbers, plates and mail covered; only after the desk verified the report",
        lambda row: row.words or None,
    ),
    Column(
        "photos",
        "integer",
        "Số ảnh công khai trên trang của phản ánh",
        "Public photos on the report's page",
        lambda row: row.photos,
    ),
)
NAMES = [one.name for one in COLUMNS]


def chunks(rows: "QuerySet[PublicReport]") -> Iterator[list[PublicReport]]:
    """In the order of their rows: each piece is a question of its own, so that no reader holds the database."""
    last = 0
    while found := list(rows.filter(pk__gt=last).select_related("agency").order_by("pk")[:CHUNK]):
        yield found
        last = found[-1].pk


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


# ---------------------------------------------------------------------------------------------- CSV


def as_csv(rows: "QuerySet[PublicReport]") -> Iterator[bytes]:
    """RFC 4180, UTF-8 with its mark (spreadsheets ask for it). Text that a spreadsheet would compute comes after an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    out.write("\ufeff")
    writer.writerow(NAMES)
    for piece in chunks(rows):
        writer.writerows([_cell(one.get(row)) for one in COLUMNS] for row in piece)
        yield _taken(out)
    if rest := _taken(out):
        yield rest


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return for_cell(value.replace("\x00", "")) if isinstance(value, str) else _plain(value)


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


# ---------------------------------------------------------------------------------------------- GeoJSON


def as_geojson(rows: "QuerySet[PublicReport]", about: dict[str, Any]) -> Iterator[bytes]:
    """One feature a line. A report without a point has no geometry. `about` stands beside the features."""
    head = json.dumps({"type": "FeatureCollection", **about}, ensure_ascii=False)
    yield (head[:-1] + ', "features": [\n').encode()
    first = True
    for piece in chunks(rows):
        lines = ",\n".join(json.dumps(_feature(row), ensure_ascii=False, separators=(",", ":")) for row in piece)
        yield ("" if first else ",\n").encode() + lines.encode()
        first = False
    yield b"\n]}\n"


def _feature(row: PublicReport) -> dict[str, Any]:
    placed = row.lon is not None and row.lat is not None
    return {
        "type": "Feature",
        "id": row.reference,
        "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]} if placed else None,
        "properties": {one.name: _plain(one.get(row)) for one in COLUMNS if one.name not in ("longitude", "latitude")},
    }


# ---------------------------------------------------------------------------------------------- GeoParquet


class _Sink(io.RawIOBase):
    """Takes what a writer writes, until it is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def taken(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found


def as_geoparquet(rows: "QuerySet[PublicReport]", about: dict[str, Any]) -> Iterator[bytes]:
    """GeoParquet 1.1: points as WKB in `geometry`, WGS 84, longitude first; `about` in the file's own metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(about)
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for piece in chunks(rows):
            columns = [pa.array([one.get(row) for row in piece], schema.field(one.name).type) for one in COLUMNS]
            points = pa.array([_wkb(row) for row in piece], pa.binary())
            writer.write_table(pa.Table.from_arrays([*columns, points], schema=schema))
            if data := sink.taken():
                yield data
    yield sink.taken()


def _schema(about: dict[str, Any]) -> Any:
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "integer": pa.int32(),
        "boolean": pa.bool_(),
        "datetime": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
        "number": pa.float64(),
    }
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
    }
    fields = [pa.field(one.name, kinds[one.kind], metadata={"description": one.en}) for one in COLUMNS]
    fields.append(pa.field("geometry", pa.binary()))
    return pa.schema(fields, metadata={"geo": json.dumps(geo), "vonglau": json.dumps(about, ensure_ascii=False)})


def _wkb(row: PublicReport) -> bytes | None:
    """A point in well-known binary, little-endian."""
    return None if row.lon is None or row.lat is None else struct.pack("<BIdd", 1, 1, row.lon, row.lat)


def schema(about: dict[str, Any], formats: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """A Frictionless Data Package: columns, licence, where the files lie. `formats`: (name, media type, address)."""
    fields = [{"name": one.name, "type": one.kind, "title": one.vi, "description": one.en} for one in COLUMNS]
    return {
        "profile": "tabular-data-package",
        "name": "field-reports",
        **about,
        "resources": [
            {
                "name": f"reports-{name}",
                "path": address,
                "format": name,
                "mediatype": media,
                "encoding": "utf-8",
                "schema": {"fields": fields, "primaryKey": "reference"},
            }
            for name, media, address in formats
        ],
    }
