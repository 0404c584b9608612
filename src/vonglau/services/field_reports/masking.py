"""What identifies a person within free words, found by rule so that the public never reads it. Pure.

Telephones, citizen's and older identity numbers, number plates, e-mail, bank cards and other long numbers, as people write them: with dots,
spaces, in words, in full-width or circled digits, with marks that nobody sees between them. House numbers, dates, sums, coordinates
and the report's own number stay. Names are not found: a person at the desk masks those by hand. How well it does is measured in
`docs/howto/privacy.md`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

SHOWN = "[•••]"
"""What stands in place of a masked span."""

PHONE, IDENTITY, PLATE, EMAIL, NUMBER, HAND = "phone", "identity", "plate", "email", "number", "hand"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters [start, end) of the text as written, and what was seen there."""

    start: int
    end: int
    kind: str = HAND


@dataclass(frozen=True, slots=True)
class _Flat:
    """The text as the rules read it, and for each of its characters where it stands in the text as written."""

    text: str
    at: list[int]


_UNSEEN = frozenset(("Cf", "Mn", "Me", "Cc"))
"""Zero-width characters, direction marks, combining marks (of NFD, keycaps); line ends are kept."""
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−﹣－", "-") | dict.fromkeys("·•∙・。", ".") | {"đ": "d", "ı": "i"})


def _flatten(text: str) -> _Flat:
    """Lower case, no diacritics, plain digits, nothing unseen."""
    signs = [_sign(sign) for sign in text]
    at = [index for index, plain in enumerate(signs) for _one in plain]
    return _Flat("".join(signs), at)


@lru_cache(maxsize=4_096)
def _sign(sign: str) -> str:
    """One character as the rules read it: none, one or several."""
    if sign in "\n\r\t":
        return " "
    digit = unicodedata.digit(sign, None)
    plain = str(digit) if digit is not None else unicodedata.normalize("NFKD", sign).lower()
    seen = [one for one in plain.translate(_DASHES) if unicodedata.category(one) not in _UNSEEN]
    return "".join(" " if one.isspace() else one for one in seen)


_UNIT = r"(?=\s{0,2}(?:d|dong|vnd|trieu|ty|ti|usd|nghin|ngan|m2|m3|km|kwh)\b)"
_HARMLESS = re.compile(
    r"\b(?:pa|sv)-\d{4}-\d{3,9}\b"  # the report's own number and the desk's
    r"|(?<![\d.])\d{1,2}([/.-])\d{1,2}\1(?:19|20)\d\d(?![./-]?\d)"  # 05/11/2026
    r"|(?<!\d)(?:19|20)\d\d-\d\d-\d\d(?![-.]?\d)"
    r"|(?<![\d.])-?\d{1,3}\.\d{4,}\s*[,;]\s*-?\d{1,3}\.\d{4,}(?!\d)"  # 16.0605123, 108.2205123
    r"|(?<!\d)1[89]00(?:[ .-]?\d){4,6}(?!\d)"  # the public's numbers 1800…, 1900…
    rf"|(?<!\d)\d+(?:[.,]\d{{3}})*{_UNIT}"  # 200.000.000 đồng
)
_GAP = r"[ .()_-]{0,3}"
_MOBILE = rf"(?:\+?{_GAP}(?:0{_GAP}0{_GAP})?8{_GAP}4{_GAP}(?:\(?0\)?{_GAP})?|0{_GAP})[35789](?:{_GAP}\d){{8}}"
_LANDLINE = rf"(?:\+?{_GAP}(?:0{_GAP}0{_GAP})?8{_GAP}4{_GAP}|0{_GAP})2(?:{_GAP}\d){{9}}"
_OLD_MOBILE = rf"0{_GAP}1{_GAP}[2689](?:{_GAP}\d){{8}}"
_CALLED = (
    r"\b(?:goi|call|phone|tel|zalo|viber|hotline|alo|sdt|dt|dtdd|dien thoai|lien he|lh|so may|whatsapp)\b[^\d\n]{0,25}?"
)
_PLATED = r"\b(?:bien so|bien kiem soat|bks|bsx|bien xe|bien|plate)\b[^\d\n]{0,12}?"
_IDENTIFIED = r"\b(?:cmnd|cccd|cmt|cmtnd|can cuoc|chung minh|dinh danh|ho chieu|passport)\b[^\d\n]{0,25}?"
_BANKED = r"\b(?:stk|so tk|tai khoan|account|so the)\b[^\d\n]{0,25}?"
_AT = (
    r"(?:@|\(\s?(?:at|a cong)\s?\)|\[\s?(?:at|a cong)\s?\]|\sa cong\s"
    r"|\sat\s(?=[a-z0-9-]+\s?(?:\.|cham)\s?(?:com|vn|net|org)))"
)
_DOT = r"(?:\.|\(dot\)|\[dot\]|\bcham\b)"
_NO_UNIT = r"[abcdefjlnpqrstuvxyz]"
"""Letters of a plate's series that are no unit: "15h 2026" and "30 m 1500" are none."""
_PROVINCE = r"(?:1[1-9]|[2-9]\d)"

_DIGIT = re.compile(r"\d")
# What it is, how many digits it has at least (a text with fewer is not searched for it), and how it looks.
_RULES: Sequence[tuple[str, int, re.Pattern[str]]] = tuple(
    (kind, digits, re.compile(pattern))
    for kind, digits, pattern in (
        (
            EMAIL,
            0,
            rf"(?P<it>[a-z0-9][a-z0-9._%+-]{{0,63}}\s?{_AT}\s?[a-z0-9-]{{1,63}}(?:\s?{_DOT}\s?[a-z]{{2,24}}){{1,4}})",
        ),
        (NUMBER, 13, r"(?<!\d)(?P<it>\d{4}(?:[ .-]\d{4}){2}[ .-]\d{1,7})(?!\d)"),
        (IDENTITY, 7, rf"{_IDENTIFIED}(?P<it>[a-z]?\d(?:[ .-]?\d){{6,11}})(?!\d)"),
        (IDENTITY, 12, r"(?<![\d.,+])(?P<it>\d{3}([ .-])\d{3}\2\d{3}\2\d{3})(?![.,]?\d)"),
        (PHONE, 10, rf"(?<![\d.,])(?P<it>{_MOBILE})(?!\d)"),
        (PHONE, 11, rf"(?<![\d.,])(?P<it>{_LANDLINE})(?!\d)"),
        (PHONE, 11, rf"(?<![\d.,])(?P<it>{_OLD_MOBILE})(?!\d)"),
        (PHONE, 9, r"(?<!\d)(?P<it>0[35789]\d{1,2}[/,]\d{3}[/,]\d{3,4})(?!\d)"),
        (PHONE, 7, rf"{_CALLED}(?P<it>\+?\d(?:[ .()-]{{0,2}}\d){{6,11}})(?!\d)"),
        (IDENTITY, 9, r"(?<!\d)(?P<it>\d{12}|\d{9})(?!\d)"),
        (IDENTITY, 9, r"(?<!\d)(?P<it>[1-3]\d{2} \d{3} \d{3})(?!\d)"),
        (NUMBER, 6, rf"{_BANKED}(?P<it>\d(?:[ .-]?\d){{5,18}})(?!\d)"),
        (NUMBER, 9, r"(?<!\d)(?P<it>\d{9,})(?!\d)"),
        (
            PLATE,
            7,
            rf"(?<![a-z0-9])(?P<it>{_PROVINCE}[ .-]{{0,2}}(?:[a-z]\d|[a-z]{{2}}\d?|[a-z])[ .-]{{0,3}}\d{{3}}[ .-]{{1,2}}\d{{2}})(?!\d)",
        ),
        (
            PLATE,
            6,
            rf"(?<![a-z0-9])(?P<it>{_PROVINCE}[ .-]{{0,2}}(?:(?:[a-z]\d|[a-z]{{2}}\d?|{_NO_UNIT})[ .-]{{0,2}}|[hgkm]-?)"
            r"\d{4,5})(?![\d.,])",
        ),
        (PLATE, 4, rf"{_PLATED}(?P<it>[a-z]{{2}}[ .-]?\d{{2}}[ .-]?\d{{2}})(?!\d)"),
        (PLATE, 2, rf"{_PLATED}(?P<it>\d[\da-z .-]{{5,11}}\d)(?!\d)"),
    )
)

_DIGIT_WORDS = {
    **dict(zip(("khong", "mot", "hai", "ba", "bon", "nam", "sau", "bay", "tam", "chin"), "0123456789", strict=True)),
    "tu": "4",
    "lam": "5",
    "bam": "5",
    "ko": "0",
    "hong": "0",
    **dict(
        zip(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), "0123456789", strict=True)
    ),
}
_SPOKEN = re.compile(
    rf"(?<![a-z0-9])(?:{'|'.join(_DIGIT_WORDS)}|\d+)(?:[ ,.-]{{1,3}}(?:{'|'.join(_DIGIT_WORDS)}|cham|\d+)){{5,}}(?![a-z0-9])"
)
_LIKE_ZERO = re.compile(r"(?<=\d)o|(?<![a-z0-9])o(?=\d)|(?<=\do)o")


def _harmless(text: str) -> str:
    """What must stay is made unreadable to the rules, at its length. All of it has digits."""
    if not _DIGIT.search(text):
        return text
    return _HARMLESS.sub(lambda found: "\x00" * len(found.group()), text)


def _spoken(text: str) -> Iterable[tuple[int, int]]:
    """Numbers said in words, wholly or in part, that could be a telephone's."""
    for found in _SPOKEN.finditer(text):
        parts = re.split(r"[ ,.-]+", found.group())
        digits = "".join(_DIGIT_WORDS.get(part, part if part.isdigit() else "") for part in parts)
        said = sum(part in _DIGIT_WORDS for part in parts)
        if said >= 2 and 9 <= len(digits) <= 12 and digits[0] in "0189":
            yield found.span()


def find(text: str) -> list[Span]:
    """What the rules see, in order and without overlap."""
    flat = _flatten(text)
    seen: list[tuple[int, int, str]] = []
    zeros = _LIKE_ZERO.sub("0", flat.text) if _DIGIT.search(flat.text) else flat.text
    plain = _harmless(flat.text)
    left = plain if zeros == flat.text else _harmless(zeros)
    digits = len(_DIGIT.findall(zeros))
    for kind, least, rule in _RULES:
        if digits < least:
            continue
        reading = left if kind in (PHONE, IDENTITY, NUMBER) else plain
        for found in rule.finditer(reading):
            start, end = found.span("it")
            if not any(start < other and begun < end for begun, other, _kind in seen):
                seen.append((start, end, kind))
    for start, end in _spoken(plain):
        if not any(start < other and begun < end for begun, other, _kind in seen):
            seen.append((start, end, PHONE))
    return sorted(_written(text, flat, start, end, kind) for start, end, kind in seen)


def _written(text: str, flat: _Flat, start: int, end: int, kind: str) -> Span:
    """Where it stands in the text as written, with the marks that belong to its last character."""
    while start < end and flat.text[start] in " .(-":
        start += 1
    last = flat.at[end - 1] + 1
    while last < len(text) and unicodedata.category(text[last]) in ("Mn", "Me"):
        last += 1
    return Span(flat.at[start], last, kind)


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person decided beyond the rules, as spans of the text as written."""

    added: tuple[Span, ...] = ()
    removed: tuple[Span, ...] = ()
    """Spans of the rules that were wrong: shown to the public again."""


def masks(text: str, by_hand: ByHand = ByHand()) -> list[Span]:
    """What is covered: what the rules see less what a person took off, and what a person added; merged, in order."""
    taken = {(one.start, one.end) for one in by_hand.removed}
    wanted = [one for one in find(text) if (one.start, one.end) not in taken]
    wanted += [Span(max(0, one.start), min(len(text), one.end)) for one in by_hand.added if one.start < one.end]
    merged: list[Span] = []
    for one in sorted(wanted):
        if merged and one.start < merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, one.end), merged[-1].kind)
        elif one.start < one.end:
            merged.append(one)
    return merged


def public(text: str, by_hand: ByHand = ByHand()) -> str:
    """The words as the public may read them."""
    shown, end = [], 0
    for span in masks(text, by_hand):
        shown += [text[end : span.start], SHOWN]
        end = span.end
    return "".join([*shown, text[end:]])


def parts(text: str, by_hand: ByHand = ByHand()) -> list[tuple[str, bool]]:
    """The words as written, cut where the public's form covers them, and which parts those are."""
    found, end = [], 0
    for span in masks(text, by_hand):
        found += [(text[end : span.start], False), (text[span.start : span.end], True)]
        end = span.end
    return [part for part in (*found, (text[end:], False)) if part[0]]
