"""What a password may be (NIST SP 800-63B-4; ASVS 5, 6.2): long, and none that is guessed first. No composition, no forced change.

Lists: Django's 20,000 most common, and Vietnamese and local ones here; each also with digits and signs around it, or said twice.
"""

import re
import unicodedata
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

_WORDS = """
matkhau matkhaumoi matkhaucuatoi anhyeuem emyeuanh yeuem yeuanh toiyeuvietnam toiyeuem vietnam vietnamvodich danang
thanhphodanang hanoi saigon hochiminh thanhphohochiminh haichau sonnuada chucmungnammoi xinchao xinchaovietnam khongbiet
khongcomatkhau quantri quantrivien quantrihethong trucban truongca lanhdao dangnhap nguyen nguyenvan conyeume conyeubome
giadinh giadinhtoi hanhphuc maimaiyeuem congan canhsat giaothong trungtamdieuhanh vonglau administrator password
passwordpassword admin welcome letmein iloveyou qwerty qwertyuiop asdfghjkl zxcvbnm qwertyuiopasdfghjkl onetwothree motbaihatbai
doraemon pikachu bongda manchester manchesterunited realmadrid barcelona
"""
WORDS = frozenset(_WORDS.split())
ROWS = ("01234567890123456789", "98765432109876543210", "qwertyuiopasdfghjklzxcvbnm", "abcdefghijklmnopqrstuvwxyz")


def plain(text: str) -> str:
    """Small letters without Vietnamese marks, and nothing else: `Đà Nẵng 2026!` → `danang`."""
    flat = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(letter for letter in flat if "a" <= letter <= "z")


def guessable(password: str, about: tuple[str, ...] = ()) -> bool:
    """Whether it is among what is tried first. `about`: words that belong to the person."""
    lowered = password.casefold()
    if len(set(lowered)) <= 3:
        return True
    if any(lowered in row for row in ROWS):
        return True
    letters = plain(password)
    words = WORDS | {word for one in about if len(word := plain(one)) >= 4}
    rest = re.sub(r"[^\W\d_]", "", lowered)
    core = _once(letters)
    if core in words and len(rest) <= 8:
        return True
    return not letters and any(_once(rest) in row for row in ROWS)


def _once(text: str) -> str:
    """A word that is said several times, said once."""
    for size in range(1, len(text) // 2 + 1):
        if len(text) % size == 0 and text[:size] * (len(text) // size) == text:
            return text[:size]
    return text


class Length:
    """At least `least` characters."""

    def __init__(self, least: int) -> None:
        self.least = least

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) < self.least:
            raise ValidationError(self.get_help_text(), code="password_too_short")

    def get_help_text(self) -> str:
        return gettext("Mật khẩu cần ít nhất %(n)d ký tự.") % {"n": self.least}


class Guessable:
    """None that is guessed first."""

    def __init__(self) -> None:
        self._common = CommonPasswordValidator()

    def validate(self, password: str, user: Any = None) -> None:
        about = (
            tuple(str(getattr(user, name, "") or "") for name in ("username", "first_name", "last_name", "email"))
            if user is not None
            else ()
        )
        found = guessable(password, about)
        if not found:
            try:
                self._common.validate(password)
                self._common.validate(re.sub(r"[\W\d_]+$", "", password) or password)
            except ValidationError:
                found = True
        if found:
            raise ValidationError(
                gettext("Mật khẩu này nằm trong số dễ bị đoán nhất. Hãy dùng một câu dài của riêng bạn."),
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        return gettext("Không dùng mật khẩu phổ biến, tên mình hoặc tên thành phố.")
