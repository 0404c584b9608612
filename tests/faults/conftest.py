"""What several faults share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import engines, postgres
from tests.faults.clusters import Cluster
from tests.faults.shim import shim

__all__ = ["cluster", "shim"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the faults' own, durable as a city's: it may be killed, whichever engine the session runs on."""
    if engines.missing():
        pytest.skip(engines.missing())
    folder = Path(tempfile.mkdtemp(prefix="vl-pg-", dir="/tmp"))
    cities = Path(tempfile.mkdtemp(prefix="vl-cities-"))
    server = postgres.Server(folder).make().start()
    try:
        yield Cluster(server, cities)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(cities, ignore_errors=True)
