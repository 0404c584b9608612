"""Words that say a report is no field report: somebody is in danger, a complaint in law, or a state secret. Pure.

Recognised early and told at once, by the same rule on the page (frontend/src/citizen/doors.ts reads the patterns from the form) and here.
It never decides alone: whoever reads what it says may still send.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from vonglau.services.field_reports.text import plain


class Door(StrEnum):
    POLICE = "113"
    FIRE = "114"
    AMBULANCE = "115"
    COMPLAINT = "complaint"
    CLASSIFIED = "secret"


EMERGENCIES = (Door.POLICE, Door.FIRE, Door.AMBULANCE)


@dataclass(frozen=True, slots=True)
class Sign:
    """Patterns over plain words (lower case, no diacritics). `unless`: what is taken out of the text before it is looked at."""

    door: Door
    words: tuple[str, ...]
    unless: tuple[str, ...] = ()


LAMPS = r"(bong|den|dien|day|cau chi|tro|may bom|motor)( \w+){0,2} (bi )?chay|chay (bong|den)|fire (hydrant|station|truck|escape)"
"""A burnt-out lamp is no fire."""

SIGNS = (
    Sign(
        Door.FIRE,
        (
            "dang chay", "dam chay", "chay nha", "chay rung", "chay no",
            "chay lon", "boc chay", "hoa hoan", "khoi den", "co chay", "bi chay",
            "chay kho", "chay xe", "ket thang may", "duoi nuoc", "sap nha", "sap ham", "ro ri gas", "ro gas", "mac ket",
            "on fire", "is burning", "fire in", "a fire", "gas leak", "drowning", "trapped",
        ),
        (LAMPS,),
    ),
    Sign(
        Door.AMBULANCE,
        (
            "bat tinh", "ngat xiu", "ngung tho", "chay mau", "bi thuong",
            "cap cuu", "dot quy", "ngo doc", "tai nan giao thong", "dien giat",
            "unconscious", "not breathing", "bleeding", "injured", "heart attack", "ambulance", "electrocuted",
        ),
    ),
    Sign(
        Door.POLICE,
        (
            "cuop", "danh nhau", "hon chien", "dam chem", "bi danh",
            "hanh hung", "giet nguoi", "bat coc", "an trom", "trom dot nhap", "dot nhap",
            "dua xe", "no sung", "xam hai", "hiep dam", "bao hanh",
            "robbery", "robbed", "stabbed", "being attacked", "kidnap", "burglar", "gunshot", "street racing",
        ),
    ),
    Sign(
        Door.COMPLAINT,
        (
            "khieu nai", "to cao", "to giac", "don khieu kien",
            "tham nhung", "hoi lo", "nhan hoi lo", "quyet dinh hanh chinh", "khoi kien",
            "denounce", "denunciation", "corruption", "bribe", "administrative decision", "lawsuit",
        ),
    ),
    Sign(
        Door.CLASSIFIED,
        (
            "bi mat nha nuoc", "tai lieu mat", "tai lieu toi mat", "van ban mat",
            "van ban toi mat", "bi mat quan su", "do mat", "dong dau mat",
            "state secret", "classified document", "military secret",
        ),
        ("mat do mat", r"do mat (cua|nuoc|troi)"),
    ),
)  # fmt: skip


@cache
def _rules() -> tuple[tuple[Door, re.Pattern[str], re.Pattern[str] | None], ...]:
    return tuple(
        (
            sign.door,
            re.compile(rf"\b(?:{'|'.join(sign.words)})\b"),
            re.compile(rf"\b(?:{'|'.join(sign.unless)})\b") if sign.unless else None,
        )
        for sign in SIGNS
    )


def doors(text: str) -> tuple[Door, ...]:
    """Which doors the words point at, the most urgent first; () for a field report like others."""
    said = " ".join(re.findall(r"\w+", plain(text)))
    found = [door for door, words, unless in _rules() if words.search(unless.sub(" ", said) if unless else said)]
    return tuple(found)


def patterns() -> list[dict[str, str]]:
    """The rule as data, for the page: regular expressions that mean the same in both languages."""
    return [
        {"door": door.value, "words": words.pattern, "unless": unless.pattern if unless else ""}
        for door, words, unless in _rules()
    ]
