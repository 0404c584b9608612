"""A place's facts are files: found here, read here, and refused here with the file, the line and what to do.

Facts are the folder `data/` of a checkout, or `vonglau/_data` of an installed wheel. An installation overrides single
files by putting its own under the same relative path into the folder named by the environment variable `VONGLAU_FACTS`.
"""

import csv
import io
import os
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from vonglau.core.errors import BadFile

T = TypeVar("T")

OVERRIDES = "VONGLAU_FACTS"

WARD_AGENCY = "ward"
"""A category's `agency` when the People's Committee of the ward where it happened is to handle it."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words in both languages of the product."""

    vi: str
    en: str

    def __post_init__(self) -> None:
        if not self.vi.strip() or not self.en.strip():
            raise ValueError("both languages must be written")

    def __getitem__(self, language: str) -> str:
        """Vietnamese unless English is asked for (`en`, `en-gb`, …)."""
        return self.en if language.lower().startswith("en") else self.vi


@cache
def _shipped() -> Path:
    """The folder that came with the program. A zipped package has no folder: wheels are installed unpacked."""
    packaged = Path(str(resources.files("vonglau"))) / "_data"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "data"


def data_path(*parts: str) -> Path:
    """Where a file of facts is: the installation's own, else the one shipped. It need not exist."""
    own = os.environ.get(OVERRIDES)
    if own and parts:
        candidate = Path(own, *parts)
        if candidate.is_file():
            return candidate
    return _shipped().joinpath(*parts)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadFile(f"{path}: there is no such file; check the path or reinstall the package") from error
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _line_of(text: str, pointer: str) -> int | None:
    """The line that a msgspec path such as `$.levels[0].handle` points at, as far as it can be followed."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in pointer.removeprefix("$").replace("[", ".[").split("."):
        if not step or node is None:
            continue
        if isinstance(node, yaml.SequenceNode) and step[1:-1].isdigit():
            node = node.value[int(step[1:-1])]
        elif isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == step]
            if not found:
                break
            node = found[0]
    return None if node is None else node.start_mark.line + 1


def read_yaml(path: Path, shape: type[T]) -> T:
    """A YAML file as the given shape (a msgspec Struct by habit). BadFile names line, key and what was expected."""
    text = _text(path)
    try:
        plain: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise BadFile(f"{path}{where}: not valid YAML: {problem}; check indentation and quotes") from error
    try:
        return msgspec.convert(plain, shape)
    except msgspec.ValidationError as error:
        reason, _, pointer = str(error).partition(" - at `")
        pointer = pointer.rstrip("`") or "$"
        line = _line_of(text, pointer)
        where = f", line {line}" if line else ""
        raise BadFile(f"{path}{where}, {pointer}: {reason}; mend this value") from error


def read_csv(path: Path, *columns: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file with their line numbers. BadFile when a named column or a cell is missing."""
    with_header = csv.DictReader(io.StringIO(_text(path).removeprefix("\ufeff"), newline=""), strict=True)
    missing = [column for column in columns if column not in (with_header.fieldnames or ())]
    if missing:
        raise BadFile(f"{path}, line 1: missing column {', '.join(missing)}; the header must name {', '.join(columns)}")
    try:
        for row in with_header:
            if None in row or None in row.values():
                raise BadFile(
                    f"{path}, line {with_header.line_num}: a row must have {len(with_header.fieldnames or ())} cells"
                )
            yield with_header.line_num, row
    except csv.Error as error:
        raise BadFile(
            f"{path}, line {with_header.reader.line_num}: not valid CSV: {error}; check the quotes"
        ) from error


DATATYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")
"""Kinds of answers, as Open311 names them."""


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the answers that a question offers."""

    key: str
    name: Text


class Attribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question that a category asks besides the usual ones. Their order is that of the file."""

    code: str
    datatype: str
    """One of `DATATYPES`."""
    name: Text
    """The question, or with `variable: false` a text that is only shown."""
    required: bool = False
    variable: bool = True
    hint: Text | None = None
    """What an answer looks like."""
    values: tuple[Choice, ...] = ()
    """For the two kinds of lists."""

    def __post_init__(self) -> None:
        if self.datatype not in DATATYPES:
            raise ValueError(f"datatype is one of {', '.join(DATATYPES)}")
        if self.datatype.endswith("list") != bool(self.values):
            raise ValueError("a list names its values, and nothing else does")
        if len({one.key for one in self.values}) < len(self.values):
            raise ValueError("a key of values names one answer")
        if self.required and not self.variable:
            raise ValueError("a text that is only shown (variable: false) requires no answer")


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a field report can be about."""

    code: str
    name: Text
    group: str
    description: Text
    keywords: tuple[str, ...]
    """Vietnamese words citizens use for it, lower case: hints for search and sorting, never a decision."""
    level: str
    """Default level: a code of `levels()`."""
    agency: str
    """Who handles it by default: a code of the locality's agencies, or `WARD_AGENCY`."""
    attributes: tuple[Attribute, ...] = ()
    """What else is asked about it, in this order."""

    def __post_init__(self) -> None:
        if len({one.code for one in self.attributes}) < len(self.attributes):
            raise ValueError("a code of attributes names one question")


class CategoryGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Categories that are shown together."""

    code: str
    name: Text


class _CategoryFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    groups: tuple[CategoryGroup, ...]
    categories: tuple[Category, ...]


class AgencyFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agency as a file of facts describes it; `core.people` keeps the dated rows made from it."""

    code: str
    name: Text
    kind: str
    """centre | department | ward | police | company"""
    valid_from: date
    email: str
    wards: tuple[str, ...] = ()
    """Ward codes it answers for; empty means the whole locality."""
    categories: tuple[str, ...] = ()
    """Category codes it handles; empty means whatever is assigned to it."""


class AgencyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agencies of one locality."""

    locality: str
    demo: bool
    """True when they are invented for demonstration: never to be loaded into an installation that serves citizens."""
    source: str
    agencies: tuple[AgencyFact, ...]

    @property
    def centre(self) -> AgencyFact:
        return next(agency for agency in self.agencies if agency.kind == "centre")

    def ward_agency(self, ward_code: str) -> AgencyFact | None:
        """The People's Committee of a ward."""
        return next((agency for agency in self.agencies if agency.kind == "ward" and ward_code in agency.wards), None)

    def handler(self, category: Category, ward_code: str | None) -> AgencyFact:
        """Who handles this category there by default; the centre when nobody is named."""
        if category.agency == WARD_AGENCY:
            return (self.ward_agency(ward_code) if ward_code else None) or self.centre
        return next((agency for agency in self.agencies if agency.code == category.agency), self.centre)


AGENCY_KINDS = frozenset({"centre", "department", "company", "police", "ward"})


def unique(path: Path, what: str, codes: list[str]) -> None:
    """BadFile when a code stands twice: a code is an identity."""
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise BadFile(f"{path}: {what} {', '.join(twice)} stands more than once; a code names one thing")


@cache
def category_groups(name: str = "field_reports") -> dict[str, CategoryGroup]:
    """Groups of categories by code, in the order of the file."""
    path = data_path("categories", f"{name}.yaml")
    groups = read_yaml(path, _CategoryFile).groups
    unique(path, "group", [group.code for group in groups])
    return {group.code: group for group in groups}


@cache
def categories(name: str = "field_reports") -> dict[str, Category]:
    """Categories by code, in the order of the file."""
    path = data_path("categories", f"{name}.yaml")
    found = read_yaml(path, _CategoryFile).categories
    unique(path, "category", [category.code for category in found])
    groups = category_groups(name)
    for category in found:
        if category.group not in groups:
            raise BadFile(
                f"{path}: category {category.code} is in group {category.group}, which the file does not declare"
            )
    return {category.code: category for category in found}


@cache
def agencies(name: str) -> AgencyFile:
    """Agencies of one locality, e.g. `agencies("da_nang")`."""
    path = data_path("agencies", f"{name}.yaml")
    found = read_yaml(path, AgencyFile)
    unique(path, "agency", [agency.code for agency in found.agencies])
    for agency in found.agencies:
        if agency.kind not in AGENCY_KINDS:
            raise BadFile(
                f"{path}: agency {agency.code} has kind {agency.kind}; use one of {', '.join(sorted(AGENCY_KINDS))}"
            )
    if sum(agency.kind == "centre" for agency in found.agencies) != 1:
        raise BadFile(f"{path}: exactly one agency must be of kind centre; it is who receives what nobody else handles")
    return found
