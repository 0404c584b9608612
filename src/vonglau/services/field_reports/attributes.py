"""Answers to the further questions of a category (`Category.attributes`): checked here, whichever door they come through. Pure.

What is kept is `{code: text}`, or `{code: [key, …]}` for a list of several. Answers are the citizen's words: they lie in `Content`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from vonglau.core.errors import BadInput
from vonglau.core.facts import Attribute, Category

Answer = str | list[str]

LONGEST = {"string": 255, "text": 4000}
"""Characters."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
CLOSED = ("number", "datetime", "singlevaluelist", "multivaluelist")
"""Kinds whose answers cannot hold free words: the public may see them."""


class BadAnswers(BadInput):
    """Answers to the questions of a category are missing or cannot be used."""

    def __init__(self, faults: Sequence[str] = ()) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)


def check(category: Category, given: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
    """The answers as they are kept. Empty ones are absent ones; of what the category does not ask nothing is kept.

    BadAnswers names every fault at once: a person types these.
    """
    kept: dict[str, Answer] = {}
    faults: list[str] = []
    for question in category.attributes:
        if not question.variable:
            continue
        values = [value.strip() for value in given.get(question.code, ()) if value.strip()]
        if not values:
            if question.required:
                faults.append(f"attribute[{question.code}] is required.")
            continue
        fault = _fault(question, values)
        if fault:
            faults.append(f"attribute[{question.code}] {fault}")
        else:
            kept[question.code] = list(dict.fromkeys(values)) if question.datatype == "multivaluelist" else values[0]
    if faults:
        raise BadAnswers(faults)
    return kept


def _fault(question: Attribute, values: Sequence[str]) -> str:
    """What is wrong with an answer; "" if nothing."""
    if question.datatype != "multivaluelist" and len(values) > 1:
        return "takes one answer."
    if question.datatype.endswith("list"):
        keys = [choice.key for choice in question.values]
        return "" if set(values) <= set(keys) else f"takes {', '.join(keys)}."
    [value] = values
    if question.datatype == "number":
        return "" if NUMBER.match(value) and math.isfinite(float(value)) else "must be a number."
    if question.datatype == "datetime":
        return "" if _is_moment(value) else "must be a time with zone, such as 2026-11-22T08:00:00Z."
    most = LONGEST[question.datatype]
    if "\x00" in value:
        return "holds a NUL character."
    return "" if len(value) <= most else f"is longer than {most} characters."


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def public(category: Category, kept: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers that cannot hold a name or a telephone number: those chosen, counted or dated."""
    return {one.code: kept[one.code] for one in category.attributes if one.code in kept and one.datatype in CLOSED}
