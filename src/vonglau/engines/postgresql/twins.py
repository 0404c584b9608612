"""Is this event already in the log? The queries of PostgreSQL's side; the rule stands in `engines.twins`."""

from collections.abc import Iterable, Sequence

from vonglau.engines.identities import TailIndex
from vonglau.engines.postgresql.connection import Connection
from vonglau.engines.rows import COLUMNS, Row
from vonglau.engines.twins import Twins

_ROWS = f"SELECT {COLUMNS} FROM event WHERE pos = ANY(%s)"  # noqa: S608 - constants
_IDENTITIES = (
    "SELECT DISTINCT i.hash, i.pos, i.time_us, i.who, i.what "
    "FROM unnest(%s::bigint[], %s::bigint[]) AS probe (bucket, hash) "
    "JOIN identity AS i ON i.bucket = probe.bucket AND i.hash = probe.hash ORDER BY i.pos"
)


class PostgresqlTwins(Twins):
    """Asks the writer's own connection; callers hold its lock."""

    def __init__(self, db: Connection, tail: TailIndex, bucket_us: int) -> None:
        self._db = db
        super().__init__(tail, bucket_us)

    def _rows(self, positions: Sequence[int]) -> Iterable[Row]:
        return self._db.execute(_ROWS, (list(positions),))

    def _identities(self, probes: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int, int, bytes, bytes]]:
        buckets, hashes = [bucket for bucket, _ in probes], [hashed for _, hashed in probes]
        found = self._db.execute(_IDENTITIES, (buckets, hashes)).fetchall()
        return [(row[0], row[1], row[2], row[3], row[4]) for row in found]

    def _bucket_from(self, bucket: int) -> int | None:
        row = self._db.execute("SELECT min(bucket) FROM identity WHERE bucket >= %s", (bucket,)).fetchone()
        return None if row is None or row[0] is None else int(row[0])
