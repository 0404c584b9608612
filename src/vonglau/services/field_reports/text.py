"""Words as both libraries compare them: lower case, without diacritics."""

import re
import unicodedata

_WORD = re.compile(r"\w+")
_PLAIN = str.maketrans({"đ": "d", "Đ": "d"})


def plain(text: str) -> str:
    """Lower case without diacritics: people in a hurry write "o ga" for "ổ gà"."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFD", text.translate(_PLAIN).lower())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, in order."""
    return _WORD.findall(text)
