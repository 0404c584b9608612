"""The learned ranking as a file: JSON with numbers only, checked on load. Written by `vonglau reports fit-duplicates`."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vonglau.core.errors import BadFile
from vonglau.services.field_reports.duplicates.columns import BUCKETS, Floats
from vonglau.services.field_reports.duplicates.features import NAMES
from vonglau.services.field_reports.duplicates.trees import Trees

FORMAT = "vonglau-duplicates/1"

TREES_LIMIT, DEPTH_LIMIT, SIZE_LIMIT = 2_000, 8, 64 << 20


class Forest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One set of trees as lists of numbers."""

    start: float
    feature: list[list[int]]
    threshold: list[list[float]]
    value: list[list[float]]


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in the file."""

    format: str
    about: dict[str, str]
    """From what, until when and by which command it was learned: for people."""
    features: list[str]
    services: list[str]
    """Services by how quickly their duplicates follow one another; one that is not here is like none of them."""
    rare: float
    """Weight of a word that is not in `common`."""
    common: dict[str, float]
    """Weight (inverse document frequency) by hash of word, of the frequent ones."""
    both: Forest
    """For looking at earlier and later reports."""
    earlier: Forest
    """For the moment of writing."""


class Model:
    """A checked model, ready to rank."""

    def __init__(self, file: File) -> None:
        self.about = file.about
        self.services = tuple(file.services)
        weights = np.full(BUCKETS, file.rare)
        for bucket, weight in file.common.items():
            weights[int(bucket)] = weight
        self.weights: Floats = weights
        self.both, self.earlier = trees(file.both), trees(file.earlier)


def trees(forest: Forest) -> Trees:
    """Lists of numbers as arrays."""
    return Trees(
        np.array(forest.feature, dtype=np.int64),
        np.array(forest.threshold, dtype=np.float64),
        np.array(forest.value, dtype=np.float64),
        forest.start,
    )


def load(path: Path) -> Model:
    """A model from a file that may be anybody's. BadFile says why it cannot be used."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise BadFile(f"{path}: larger than {SIZE_LIMIT >> 20} MiB; this is no model of duplicates")
        return _read(path.read_bytes(), str(path))
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror}); check the path") from error


@cache
def shipped() -> Model:
    """The model that came with the program."""
    return _read(resources.files(__package__).joinpath("model.json").read_bytes(), "model.json")


def _read(raw: bytes, name: str) -> Model:
    try:
        file = msgspec.json.decode(raw, type=File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadFile(
            f"{name}: no model of duplicates ({error}); fit one with `vonglau reports fit-duplicates`"
        ) from error
    wrong = next(_wrong(file), None)
    if wrong:
        raise BadFile(f"{name}: {wrong}; fit it anew with `vonglau reports fit-duplicates`")
    return Model(file)


def _wrong(file: File) -> Any:
    """What would let a model fail later, or read where it must not."""
    if file.format != FORMAT:
        yield f"format {file.format!r}, this program reads {FORMAT!r}"
    if file.features != list(NAMES):
        yield "it was learned on other features than this version measures"
    if not np.isfinite(file.rare) or file.rare <= 0:
        yield "`rare` is no weight"
    for bucket, weight in file.common.items():
        if not (
            bucket.isascii() and bucket.isdigit() and int(bucket[:9]) < BUCKETS and np.isfinite(weight) and weight >= 0
        ):
            yield f"`common` has {bucket[:20]!r}: {weight}"
    for name, forest in (("both", file.both), ("earlier", file.earlier)):
        yield from _wrong_forest(name, forest)


def _wrong_forest(name: str, forest: Forest) -> Any:
    trees = len(forest.value)
    if not 1 <= trees <= TREES_LIMIT or len(forest.feature) != trees or len(forest.threshold) != trees:
        yield f"`{name}` has {trees} trees, or not as many of each part"
        return
    leaves = len(forest.value[0])
    if leaves not in {1 << depth for depth in range(1, DEPTH_LIMIT + 1)}:
        yield f"`{name}` has trees of {leaves} leaves"
    shapes = {(len(a), len(b), len(c)) for a, b, c in zip(forest.feature, forest.threshold, forest.value, strict=True)}
    if shapes != {(leaves - 1, leaves - 1, leaves)}:
        yield f"`{name}` has trees of different shape"
    if any(not 0 <= one < len(NAMES) for tree in forest.feature for one in tree):
        yield f"`{name}` asks for a feature that is not there"
    numbers = [forest.start, *(one for tree in (*forest.threshold, *forest.value) for one in tree)]
    if not np.isfinite(numbers).all():
        yield f"`{name}` holds a number that is not finite"
