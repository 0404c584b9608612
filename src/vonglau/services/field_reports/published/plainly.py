"""Citizens' words in formats that give some characters a meaning of their own. Pure."""

import re

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that XML 1.0 cannot carry, or should not."""
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
"""With these a spreadsheet begins a formula (OWASP, CSV Injection), in their full width too; line breaks begin a new cell for some."""
BLANK = " \u00a0\u3000\ufeff\u200b\x0b\x0c"
AFTER_A_SEPARATOR = re.compile(rf'([;|\t\r\n][{BLANK};|\t\r\n"]*)(?=[=+\-@＝＋－＠])')
"""A spreadsheet whose decimal mark is a comma parts cells at semicolons and lines, also within the quotes of a file with commas."""


def for_xml(text: str) -> str:
    return NOT_IN_XML.sub("\ufffd", text)


def for_cell(text: str) -> str:
    """Text that no spreadsheet computes: what would begin a formula, spaces before it or not, comes after an apostrophe.

    So does what begins one behind a separator within the text."""
    text = AFTER_A_SEPARATOR.sub(r"\1'", text)
    return f"'{text}" if FORMULA.match(text.lstrip(BLANK)) else text
