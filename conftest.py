"""What every test stands on: an engine, a data folder of its own, and the names of what was left out.

The engine is SQLite in files, or with VONGLAU_TEST_ENGINE=postgresql a PostgreSQL server that the test session starts for itself.
"""

import os
import shutil
import tempfile
from pathlib import Path

_DATA = tempfile.mkdtemp(prefix="vonglau-test-")
for _name in [name for name in os.environ if name.startswith("VONGLAU_") and not name.startswith("VONGLAU_TEST_")]:
    del os.environ[_name]
os.environ["VONGLAU_DATA"] = _DATA

_CITIES = "" if "VONGLAU_TEST_CITIES" in os.environ else tempfile.mkdtemp(prefix="vonglau-test-")
if _CITIES:  # with pytest-xdist: of the first process, for all
    os.environ["VONGLAU_TEST_CITIES"] = _CITIES

from tests import engines  # noqa: E402

engines.begin()
engines.settings_anew()

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

import vonglau  # noqa: E402, F401  (swaps in the SQLite wheel before Django looks)

settings.register_profile("house", deadline=None)  # no timed tests: a busy machine must not fail a property
settings.load_profile("house")

SHARED = Path(__file__).parent.parent / "shared" / "data"


def pytest_report_header() -> str:
    return f"engine: {engines.NAME}"


def pytest_unconfigure() -> None:
    engines.end()
    if _CITIES:
        shutil.rmtree(_CITIES, ignore_errors=True)
    shutil.rmtree(_DATA, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests need a Chromium, reference-data tests the data: without them they are skipped by name, never in silence."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    for item in items:
        if "browser" in item.keywords and not browser:
            item.add_marker(pytest.mark.skip(reason="no Chromium here: `apt-get install chromium` to run it"))
        if "shared_data" in item.keywords and not SHARED.exists():
            item.add_marker(pytest.mark.skip(reason="the reference data are not beside this checkout"))


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """A PostgreSQL server of the session's own goes as a whole; threads that still hold a connection do not matter then."""
    return engines.POSTGRESQL


@pytest.fixture(autouse=True)
def _a_test_keeps_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """What our threads do between two jobs (`close_old_connections`) must not end a test's own transaction when a test calls the job."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    look = BaseDatabaseWrapper.close_if_unusable_or_obsolete
    keep = lambda self: None if self.in_atomic_block else look(self)  # noqa: E731
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", keep)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the checkout (never shipped)."""
    return SHARED
