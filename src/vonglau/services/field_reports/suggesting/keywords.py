"""The beginning, while nothing was learned: a category is suggested by the keywords that `data/categories` gives it.

Diacritics count where the citizen typed them and are forgiven where not: "den duong" finds "đèn đường", "mất" does not find "mặt".
It abstains unless one category is clearly ahead. Its confidence is a share of matched words, no measured probability.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from vonglau.core.facts import Category
from vonglau.services.field_reports.suggesting.suggest import SHOWN_WORDS, Suggestion
from vonglau.services.field_reports.text import plain

AHEAD = 0.6
"""Share of all matched weight that one category must have."""
WORDS_LIMIT = 600

_WORD = re.compile(r"\w+")

Syllable = tuple[str, str]
"""As written (lower case, NFC), and without diacritics."""


def syllables(text: str) -> list[Syllable]:
    """In order, at most `WORDS_LIMIT`."""
    found = _WORD.findall(unicodedata.normalize("NFC", text).lower())[:WORDS_LIMIT]
    return [(one, plain(one)) for one in found]


def fits(written: Syllable, wanted: Syllable) -> bool:
    """The same syllable, or the same letters typed without any diacritics."""
    return written[0] == wanted[0] or (written[0] == written[1] and written[1] == wanted[1])


@lru_cache(maxsize=4)
def _phrases(categories: tuple[Category, ...]) -> dict[str, list[tuple[str, tuple[Syllable, ...]]]]:
    """Category and keyword by the plain first syllable of the keyword."""
    found: dict[str, list[tuple[str, tuple[Syllable, ...]]]] = {}
    for category in categories:
        for keyword in dict.fromkeys((*category.keywords, category.name.vi.lower())):
            phrase = tuple(syllables(keyword))
            if phrase:
                found.setdefault(phrase[0][1], []).append((category.code, phrase))
    return found


def suggest(text: str, categories: Iterable[Category]) -> Suggestion:
    """The category whose keywords stand in the text. A longer keyword weighs more, and what it covers counts once a category."""
    written = syllables(text)
    phrases = _phrases(tuple(categories))
    matches: dict[str, dict[int, tuple[int, str]]] = {}
    for at, syllable in enumerate(written):
        for code, phrase in phrases.get(syllable[1], ()):
            there = written[at : at + len(phrase)]
            if len(there) == len(phrase) and all(map(fits, there, phrase)):
                of_code = matches.setdefault(code, {})
                if len(phrase) > of_code.get(at, (0, ""))[0]:
                    of_code[at] = (len(phrase), " ".join(one for one, _ in there))
    weights = {code: _weight(found) for code, found in matches.items()}
    if not weights:
        return Suggestion("", 0.0, True)
    best = max(weights, key=lambda code: (weights[code], code))
    share = weights[best] / sum(weights.values())
    others = [weight for code, weight in weights.items() if code != best]
    tied = bool(others) and max(others) == weights[best]
    confidence = round(share * weights[best] / (weights[best] + 0.5), 4)
    return Suggestion(best, confidence, tied or share < AHEAD, _shown(matches[best]))


def _weight(found: Mapping[int, tuple[int, str]]) -> float:
    """Each keyword once, its syllables squared: two in a row mean far more than two apart. What a longer one covers is passed over."""
    said: set[str] = set()
    weight, covered = 0.0, 0
    for at in sorted(found):
        length, phrase = found[at]
        if at + length <= covered or phrase in said:
            continue
        covered = at + length
        said.add(phrase)
        weight += length * length
    return weight


def _shown(found: Mapping[int, tuple[int, str]]) -> tuple[tuple[str, float], ...]:
    pushes = {phrase: float(length * length) for length, phrase in found.values()}
    return tuple(sorted(pushes.items(), key=lambda one: (-one[1], one[0]))[:SHOWN_WORDS])
