"""Every test here stands in a city of its own, with a drill beside it."""

from pathlib import Path
from typing import Any

import pytest

from vonglau.core.tests import factories


@pytest.fixture(autouse=True)
def city(db: None, settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    settings.VONGLAU_SECRETS = tmp_path / "secrets"
    settings.ALLOWED_HOSTS = ["testserver"]
    factories.live()
    factories.drill()
