"""Being alone with a data folder: no role is served meanwhile."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vonglau.web.roles import Plan, hold


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Raises `Unavailable` while the folder is served, in whole or in part."""
    held = hold(Plan(data=data))
    try:
        yield
    finally:
        for one in held:
            os.close(one)
