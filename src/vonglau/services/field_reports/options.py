"""Settings of field reports."""

from vonglau.core.options import Option, number

TOKENS = Option(
    "VONGLAU_FIELD_REPORTS_TOKENS",
    "Tokens of Open311",
    number(0, 604_800),
    "0",
    "Submissions are answered with a token instead of a number, to be exchanged within so many seconds. 0: with the number at once.",
    "seconds",
)

PHOTO_MODEL = Option(
    "VONGLAU_FIELD_REPORTS_PHOTO_MODEL",
    "Model that proposes masks",
    str,
    "",
    "File of an ONNX model that proposes what to mask in citizens' photos; a person decides. None: they draw themselves.",
)

SETTINGS = (TOKENS, PHOTO_MODEL)
