"""The suggestion as this installation gives it: by the model its folder holds, else by keywords."""

import logging
from functools import lru_cache
from pathlib import Path

from vonglau.core.errors import BadFile
from vonglau.core.facts import categories
from vonglau.services.field_reports.suggesting import keywords, suggest
from vonglau.services.field_reports.suggesting.features import Report
from vonglau.services.field_reports.suggesting.model import Model, load
from vonglau.services.field_reports.suggesting.suggest import Suggestion

PLACE = ("models", "field_reports.safetensors")
"""Under the data folder: where `vonglau reports install` puts a model, and `train` never does."""

log = logging.getLogger(__name__)


def path_in(data: Path) -> Path:
    """Where the model of an installation stands, there or not."""
    return data.joinpath(*PLACE)


@lru_cache(maxsize=2)
def _loaded(path: Path, _changed: int, _size: int) -> Model | None:
    try:
        return load(path)
    except BadFile as wrong:
        log.error("suggestions fall back to keywords: %s", wrong.message)
        return None


def model(data: Path) -> Model | None:
    """The installation's model, read again when the file changes; None without one, or with one that cannot be used (logged once)."""
    path = path_in(data)
    try:
        there = path.stat()
    except OSError:
        return None
    return _loaded(path, there.st_mtime_ns, there.st_size)


def suggest_for(report: Report, data: Path) -> Suggestion:
    """For one report of this installation: abstains unless it names a category that is in `data/categories` today."""
    known = categories()
    learned = model(data)
    found = suggest.suggest(learned, report) if learned else keywords.suggest(report.words, known.values())
    if found.code not in known:
        return Suggestion("", 0.0, True)
    return found
