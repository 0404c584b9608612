"""Append-only rows, a hash chain per stream, checkpoints over the heads. `check` verifies all of it offline.

A row's hash is SHA-256 over the previous hash of its stream and the row's exact bytes. Personal data and free text never enter the
bytes: only a salted digest does (`note`), so that retention can erase the text and leave the chain whole.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from vonglau.core import audit_export
from vonglau.core.audit_models import AuditHead, AuditRow, Checkpoint, Note
from vonglau.core.bulk import insert_many

GENESIS = "0" * 64
INSTALLATION = "installation"
"""The stream of what was done to the installation as a whole."""


def canonical(body: dict[str, Any]) -> bytes:
    """Stable bytes: sorted keys, no spaces, UTF-8. They are stored, never rebuilt."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode()


def link(prev: str, body: bytes) -> str:
    return hashlib.sha256(prev.encode() + b"\n" + body).hexdigest()


def note(stream: str, text: str) -> dict[str, Any]:
    """Keep a free text in its own erasable row; what enters the chain is its number and salted digest."""
    salt = secrets.token_hex(8)
    row = Note.objects.create(stream=stream, salt=salt, text=text)
    return {"note": row.pk, "digest": hashlib.sha256(f"{salt}{text}".encode()).hexdigest()}


def record(stream: str, body: dict[str, Any]) -> AuditRow:
    """Add a row to a stream. Must run inside the transaction that makes the change it reports."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An audit row belongs in the transaction of the change it reports.")
    head = AuditHead.objects.select_for_update().filter(pk=stream).first()
    n, prev = (head.n + 1, head.hash) if head else (1, GENESIS)
    data = canonical(body)
    row = AuditRow.objects.create(stream=stream, n=n, at=timezone.now(), body=data, prev=prev, hash=link(prev, data))
    if head is None:  # two first rows at once: the order of the stream lets one of them in
        AuditHead.objects.create(pk=stream, n=n, hash=row.hash, checkpointed=False)
    else:
        AuditHead.objects.filter(pk=stream).update(n=n, hash=row.hash, checkpointed=False)
    return row


def record_many(entries: Iterable[tuple[str, dict[str, Any]]]) -> int:
    """First rows of many new streams at once (loading history). A stream that exists already is an integrity error."""
    now = timezone.now()
    rows, heads = [], []
    for stream, body in entries:
        data = canonical(body)
        row = AuditRow(stream=stream, n=1, at=now, body=data, prev=GENESIS, hash=link(GENESIS, data))
        rows.append(row)
        heads.append(AuditHead(stream=stream, n=1, hash=row.hash))
    insert_many(rows)
    insert_many(heads)
    return len(rows)


def rows(stream: str) -> list[tuple[AuditRow, dict[str, Any]]]:
    """A stream's rows with their decoded bodies, oldest first."""
    return list(decoded(AuditRow.objects.filter(stream=stream).order_by("n")))


def decoded(rows: Iterable[AuditRow]) -> Iterator[tuple[AuditRow, dict[str, Any]]]:
    for row in rows:
        yield row, json.loads(bytes(row.body))


def rows_since(at: datetime, chunk: int = 1000) -> Iterator[tuple[AuditRow, dict[str, Any]]]:
    """Rows of every stream written at or after a wall time, in the order of writing, read as they are asked for.

    Rows are numbered as they are written, so the first one is found by halving their numbers: no index of times is kept.
    Writers that overlap may be numbered the other way round by as long as a transaction takes: leave a margin.
    """
    found = AuditRow.objects.order_by("pk")
    bounds = AuditRow.objects.aggregate(least=models.Min("pk"), most=models.Max("pk"))
    low, high = bounds["least"] or 0, (bounds["most"] or -1) + 1
    while low < high:
        middle = (low + high) // 2
        pk, written = found.filter(pk__gte=middle).values_list("pk", "at")[0]
        low, high = (pk + 1, high) if written < at else (low, middle)
    while rows := list(found.filter(pk__gte=low)[:chunk]):
        yield from decoded(rows)
        low = rows[-1].pk + 1


def last(stream: str, count: int) -> list[tuple[AuditRow, dict[str, Any]]]:
    """The newest rows of a stream with their decoded bodies, newest first: a stream may be long."""
    newest = AuditRow.objects.filter(stream=stream).order_by("-n")[:count]
    return [(row, json.loads(bytes(row.body))) for row in newest]


def merkle(leaves: Sequence[bytes]) -> str:
    """Root of a binary Merkle tree (RFC 6962 domain separation: 0x00 before leaves, 0x01 before nodes)."""
    if not leaves:
        return hashlib.sha256(b"").hexdigest()
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + ([level[-1]] if len(level) % 2 else [])
    return level[0].hex()


def _sealed(n: int, root: str, prev: str) -> str:
    return hashlib.sha256(f"{n}\n{root}\n{prev}".encode()).hexdigest()


@transaction.atomic
def checkpoint(export: Path | None = None) -> Checkpoint | None:
    """Take the root over the heads that changed since the last checkpoint; once that is committed, the exported file is brought up."""
    if export is not None:
        transaction.on_commit(partial(audit_export.bring_up, export))
    changed = list(AuditHead.objects.select_for_update().filter(checkpointed=False).order_by("stream"))
    if not changed:
        return None
    heads = [[head.stream, head.n, head.hash] for head in changed]
    last = Checkpoint.objects.order_by("-n").first()
    n, prev = (last.n + 1, last.hash) if last else (1, GENESIS)
    root = merkle([canonical({"head": head}) for head in heads])
    made = Checkpoint.objects.create(
        n=n, at=timezone.now(), heads=json.dumps(heads).encode(), root=root, prev=prev, hash=_sealed(n, root, prev)
    )
    AuditHead.objects.filter(pk__in=[head.pk for head in changed]).update(checkpointed=True)
    return made


@dataclass(frozen=True, slots=True)
class Finding:
    """What `check` found broken."""

    stream: str
    n: int
    what: str


def verify_streams() -> Iterator[Finding]:
    """Walk every chain: order without gaps, links, heads; then that every stream has its head and every head its rows."""
    heads = {head.stream: head for head in AuditHead.objects.iterator(chunk_size=5000)}
    stream, n, prev = "", 0, GENESIS
    seen: set[str] = set()

    def end_of(stream: str, n: int, prev: str) -> Iterator[Finding]:
        head = heads.get(stream)
        if stream and (head is None or head.n != n or head.hash != prev):
            yield Finding(stream, n, "the end of the chain is not where its head says: rows were removed or added")

    for row in AuditRow.objects.order_by("stream", "n").iterator(chunk_size=5000):
        if row.stream != stream:
            yield from end_of(stream, n, prev)
            stream, n, prev = row.stream, 0, GENESIS
            seen.add(stream)
        if row.n != n + 1:
            yield Finding(stream, row.n, f"row {n + 1} is missing")
        if row.prev != prev or row.hash != link(row.prev, bytes(row.body)):
            yield Finding(stream, row.n, "the row's text or its link was changed")
        n, prev = row.n, row.hash
    yield from end_of(stream, n, prev)
    for missing in heads.keys() - seen:
        yield Finding(missing, heads[missing].n, "the whole stream is gone")


def verify_checkpoints(exported: Path | None = None) -> Iterator[Finding]:
    """The checkpoints' own chain, that every stream still reaches what was checkpointed, and the exported file."""
    prev, expected = GENESIS, 0
    hashes: dict[int, str] = {}
    for point in Checkpoint.objects.order_by("n").iterator():
        expected += 1
        heads = json.loads(bytes(point.heads))
        root = merkle([canonical({"head": head}) for head in heads])
        if (
            point.n != expected
            or point.prev != prev
            or point.root != root
            or point.hash != _sealed(point.n, root, prev)
        ):
            yield Finding("checkpoint", point.n, "the checkpoint chain is broken here")
        hashes[point.n], prev, expected = point.hash, point.hash, point.n
        yield from _reached(point.n, heads)
    if exported is not None and exported.exists():
        yield from _exported(exported, hashes)


def _exported(path: Path, hashes: Mapping[int, str]) -> Iterator[Finding]:
    """A line that is left out is no finding: a process died before it wrote it. Nor is half of one at the end."""
    with path.open("rb") as file:
        for at, line in enumerate(file, start=1):
            n = audit_export.number(line)
            if not n:
                if line.endswith(b"\n"):
                    yield Finding("checkpoint", 0, f"line {at} of the exported checkpoints cannot be read")
            elif hashes.get(n) != json.loads(line).get("hash"):
                yield Finding("checkpoint", n, "the exported checkpoint is not in the database any more, or differs")


def _reached(n: int, heads: list[list[Any]]) -> Iterator[Finding]:
    for start in range(0, len(heads), 400):
        part = heads[start : start + 400]
        have = {
            (stream, number): hash_
            for stream, number, hash_ in AuditRow.objects.filter(
                stream__in=[h[0] for h in part], n__in={h[1] for h in part}
            ).values_list("stream", "n", "hash")
        }
        for stream, number, hash_ in part:
            if have.get((stream, number)) != hash_:
                yield Finding(stream, number, f"checkpoint {n} saw a row here that is gone or differs")
