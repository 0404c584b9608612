"""`ask`: one question in SQL to history, from the reader to the answer."""

from dataclasses import replace

import pyarrow as pa

from vonglau.engines.history import duck, guard
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.duck import Limits
from vonglau.engines.history.snapshot import Asked, HistoryReader

LOCAL = "Asia/Ho_Chi_Minh"


def ask(reader: HistoryReader, derive: Derive, asked: Asked, sql: str, limits: Limits) -> tuple[pa.Table, bool]:
    """The answer, and whether rows beyond the limit were left out.

    Raises BadInput for SQL that is no single SELECT over `events`, Overloaded when it takes too long or too much memory.
    """
    parser = duck.parser()
    try:
        used = guard.columns_asked(parser, sql)
    finally:
        parser.close()
    con, found = duck.opened(reader, derive, replace(asked, columns=used), limits, zone=LOCAL)
    try:
        return duck.ask(con, found, sql, limits)
    finally:
        con.close()
