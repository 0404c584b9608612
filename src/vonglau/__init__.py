"""Vọng Lâu: the open operations platform of a smart city, and of the country that runs many.

The rooms, from the inside out: `core` (the nouns), `engines` (where it runs), `kit` (what pages share), `services` and
`programme` (what a city and a ministry do), `gateways` (open standards), `centre` (the operations centre), `web` and
`cli` (which only compose).
"""

import sys

try:
    # SQLite 3.7.0 to 3.51.2 can, very rarely, corrupt a WAL database with several writers (sqlite.org, "WAL-reset bug").
    # Distributions still ship those, so the library comes from a wheel, swapped in before anything imports sqlite3.
    import pysqlite3

    sys.modules["sqlite3"] = pysqlite3
except ImportError:  # pragma: no cover - systems without the wheel; `vonglau check` refuses an affected library there
    pass

__version__ = "0.1.0"
