"""Which sealed file is damaged, told by the manifest: what a question met says little, and a reader may not notice at all."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from vonglau.core.errors import Broken
from vonglau.engines.history.files import SealedFile


class Missing(Broken):
    """A file of the manifest is not there: damaged, or just replaced by retention, and then a new look at the manifest helps."""


ADVICE = "put it back from a backup; `vonglau check` names all that are damaged"


def name(file: SealedFile) -> str:
    """For people: the file, and what it holds."""
    return f"{file.name} (positions {file.first_pos} to {file.last_pos})"


def unreadable(file: SealedFile, error: Exception) -> Broken:
    """What a reader makes of its library's error."""
    if isinstance(error, FileNotFoundError):
        return missing(file)
    return Broken(f"Sealed file {name(file)} is damaged ({error}): {ADVICE}.")


def missing(file: SealedFile) -> Missing:
    return Missing(f"Sealed file {name(file)} is missing: {ADVICE}.")


def refuse_cut(folder: Path, files: Iterable[SealedFile]) -> None:
    """Raise `Missing`, or `Broken` for a file of another size than was sealed. Costs a look at the folder."""
    for file in files:
        try:
            size = (folder / file.name).stat().st_size
        except FileNotFoundError:
            raise missing(file) from None
        if size != file.bytes:
            raise Broken(
                f"Sealed file {name(file)} is damaged (it has {size} bytes instead of {file.bytes}): {ADVICE}."
            )


def refuse_changed(folder: Path, files: Iterable[SealedFile], said: str) -> None:
    """Raise `Broken` for a file that is not the one that was sealed. Reads all of them, or the one that `said` names."""
    files = list(files)
    for file in [one for one in files if one.name in said] or files:
        if changed(folder, file):
            raise Broken(f"Sealed file {name(file)} is damaged (it is not what was sealed): {ADVICE}.")


def changed(folder: Path, file: SealedFile) -> bool:
    with (folder / file.name).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() != file.sha256
