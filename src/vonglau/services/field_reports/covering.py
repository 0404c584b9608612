"""The words of a report cut into what one press covers or shows: what the rules found, each as a whole, and single words. Pure.

Without a script it is a page of check boxes, so that a thumb, a keyboard and a mouse can all do it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vonglau.services.field_reports.masking import HAND, ByHand, Span, find

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Unit:
    """Characters [start, end) of the words as written. `kind`: what a rule saw there, `HAND` for a plain word."""

    start: int
    end: int
    text: str
    kind: str
    covered: bool
    before: str
    """What stands between the unit before it and this one: spaces, marks."""

    @property
    def name(self) -> str:
        return f"{self.start}-{self.end}"

    @property
    def by_rule(self) -> bool:
        return self.kind != HAND


def units(text: str, by_hand: ByHand) -> list[Unit]:
    """In order; what lies between them, and after the last, can only be covered with both its neighbours."""
    removed = {(one.start, one.end) for one in by_hand.removed}
    made, end = [], 0
    for span in _spans(text):
        if span.kind == HAND:
            covered = any(one.start < span.end and span.start < one.end for one in by_hand.added)
        else:
            covered = (span.start, span.end) not in removed
        made.append(Unit(span.start, span.end, text[span.start : span.end], span.kind, covered, text[end : span.start]))
        end = span.end
    return made


def _spans(text: str) -> Iterator[Span]:
    end = 0
    for found in find(text):
        yield from _words(text, end, found.start)
        yield found
        end = found.end
    yield from _words(text, end, len(text))


def _words(text: str, start: int, end: int) -> Iterator[Span]:
    for found in _WORD.finditer(text, start, end):
        first, last = found.span()
        while first < last and _mark(text[first]):
            first += 1
        while last > first and _mark(text[last - 1]):
            last -= 1
        yield Span(first, last) if first < last else Span(*found.span())


def _mark(sign: str) -> bool:
    """Punctuation at the edge of a word stays outside: "Nam," covers the name alone."""
    return unicodedata.category(sign)[0] in "PZ"


def decided(text: str, wanted: Iterable[str]) -> ByHand:
    """What a person wants beyond the rules, from the names of the units that are to be covered. Names that are none are left out."""
    names = set(wanted)
    added: list[Span] = []
    removed: list[Span] = []
    for unit in units(text, ByHand()):
        covered = unit.name in names
        if unit.by_rule:
            if not covered:
                removed.append(Span(unit.start, unit.end, unit.kind))
        elif covered:
            if added and not text[added[-1].end : unit.start].strip():  # two words are one gap
                added[-1] = Span(added[-1].start, unit.end)
            else:
                added.append(Span(unit.start, unit.end))
    return ByHand(added=tuple(added), removed=tuple(removed))
