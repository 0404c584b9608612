"""Which model is used: put in place by a person, and taken back by one. What was replaced is kept; both steps are in the audit."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadInput
from vonglau.core.facts import categories
from vonglau.services.field_reports.aids import digest
from vonglau.services.field_reports.suggesting import installed
from vonglau.services.field_reports.suggesting.model import load

CANDIDATES, EARLIER = "candidates", "earlier"
PART = ".part"
"""Of half a copy, which a command that was killed leaves behind: no model."""
KEYWORDS = "keywords"
"""In place of a model: there was none before."""


@dataclass(frozen=True, slots=True)
class Put:
    """What is used after a step: "" for the keywords."""

    sha256: str
    about: dict[str, str]


def candidates(data: Path) -> Path:
    """Where `reports train --from-desk` leaves what it learned; nothing there is used."""
    return installed.path_in(data).parent / CANDIDATES


def _earlier(data: Path) -> list[Path]:
    found = (installed.path_in(data).parent / EARLIER).glob("[0-9]*")
    return sorted(path for path in found if path.suffix != PART)


def install(path: Path, data: Path, by: str) -> Put:
    """Use this model from the next report on. BadFile for what is none, BadInput where it knows no category of today."""
    model = load(path)
    if not set(model.facts.codes) & set(categories()):
        raise BadInput(f"{path} knows {', '.join(model.facts.codes[:5])}: none is a category of this installation.")
    place = installed.path_in(data)
    if digest(path) == digest(place):
        raise BadInput(f"{path} is in use already.")
    earlier = _earlier(data)
    number = int(earlier[-1].name[:4]) + 1 if earlier else 1
    folder = place.parent / EARLIER
    folder.mkdir(parents=True, exist_ok=True)
    if place.exists():
        _copy(place, folder / f"{number:04d}-{digest(place)[:12]}")
    else:
        (folder / f"{number:04d}-{KEYWORDS}").touch()
    with transaction.atomic():
        put = Put(digest(path), model.facts.about)
        _audited("install", put, by)
        _copy(path, place)
    return put


def roll_back(data: Path, by: str) -> Put:
    """Use again what was used before; what was used stays among the candidates. BadInput where nothing was."""
    earlier = _earlier(data)
    if not earlier:
        raise BadInput("No model was replaced here: there is nothing to go back to.")
    last, place = earlier[-1], installed.path_in(data)
    back = last.name.partition("-")[2] != KEYWORDS
    put = Put(digest(last), load(last).facts.about) if back else Put("", {})
    if place.exists():
        candidates(data).mkdir(parents=True, exist_ok=True)
        _copy(place, candidates(data) / f"replaced-{digest(place)[:12]}.safetensors")
    with transaction.atomic():
        _audited("roll_back", put, by)
        if back:
            _copy(last, place)
        else:
            place.unlink(missing_ok=True)
        transaction.on_commit(last.unlink)  # not before: a step that was not taken can be taken again
    return put


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all: a reader never meets half a model."""
    beside = target.with_name(f"{target.name}{PART}")
    try:
        shutil.copyfile(source, beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise BadInput(f"{target} cannot be written ({error.strerror}): make room, or mend its rights.") from error


def _audited(step: str, put: Put, by: str) -> None:
    body = {
        "at": timezone.now().isoformat(timespec="microseconds"),
        "who": by,
        "role": "administrator",
        "step": f"model_{step}",
        "aid": "field_reports.categories",
        "sha256": put.sha256 or KEYWORDS,
    }
    audit.record(audit.INSTALLATION, body)
