"""Words as both libraries compare them: lower case, without diacritics. And whether there is anything to read in them."""

import re
import unicodedata

_WORD = re.compile(r"\w+")
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Fillers of Hangul and the empty Braille pattern."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Mn", "Mc", "Me", "Zs", "Zl", "Zp"})
_PLAIN = str.maketrans({"đ": "d", "Đ": "d"})


def plain(text: str) -> str:
    """Lower case without diacritics: people in a hurry write "o ga" for "ổ gà"."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFD", text.translate(_PLAIN).lower())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def visible(text: str) -> bool:
    """Whether anything in it can be seen: spaces, marks without a letter, joiners and letters that are drawn as nothing cannot."""
    return any(sign not in _BLANK and unicodedata.category(sign) not in _UNSEEN for sign in text)


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, in order."""
    return _WORD.findall(text)
