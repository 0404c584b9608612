"""How people can be reached, in the form in which two of the same are equal. Pure."""

import re
import unicodedata

_NOT_DIGITS = re.compile(r"\D+")


def email_of(text: str) -> str:
    """As it is compared: without surrounding space and capitals."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def phone_of(text: str) -> str:
    """Digits as they are dialled within the country: "+84 905.123.456" and "0905 123 456" are one number."""
    plain = unicodedata.normalize("NFKC", text)
    digits = _NOT_DIGITS.sub("", plain)
    if plain.strip().startswith("+84") or (digits.startswith("84") and len(digits) >= 11):
        return "0" + digits[2:].lstrip("0")
    return "0" + digits[4:].lstrip("0") if digits.startswith("0084") else digits
