"""Settings of field reports."""

from vonglau.core.options import Option, number, url

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

AI_ASSESSMENT = Option(
    "VONGLAU_FIELD_REPORTS_AI_ASSESSMENT",
    "Impact assessment of automatic aids",
    str,
    "",
    "Address of the published impact assessment (Law 134/2025/QH15, Article 27): the public register of AI systems links it.",
)

LICENCE = Option(
    "VONGLAU_FIELD_REPORTS_LICENCE",
    "Licence of the open data",
    str,
    "CC-BY-4.0",
    "Under which licence anybody may use the public reports: an SPDX identifier. It stands on the page and in every file.",
)

GEOCODER = Option(
    "VONGLAU_FIELD_REPORTS_GEOCODER",
    "Geocoder for streets",
    url("http", "https"),
    "",
    "Address of a search that answers as Nominatim's does (`…/search`), asked by the server for streets and house numbers, once a "
    "second at most. None: wards, names they bore before, and the places of `data/places` are found.",
)

SETTINGS = (TOKENS, PHOTO_MODEL, AI_ASSESSMENT, LICENCE, GEOCODER)
