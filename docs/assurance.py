"""The page about OWASP ASVS 5.0, made from `docs/security/asvs.yaml`: what is not met first, then all by chapter."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "security" / "asvs.yaml"
STATES = ("met", "partly", "no", "na")
CHAPTERS = {
    1: "Encoding and sanitization",
    2: "Validation and business logic",
    3: "Web front end",
    4: "API and web service",
    5: "Files",
    6: "Authentication",
    7: "Sessions",
    8: "Authorization",
    9: "Self-contained tokens",
    10: "OAuth and OIDC",
    11: "Cryptography",
    12: "Secure communication",
    13: "Configuration",
    14: "Data protection",
    15: "Coding and architecture",
    16: "Logging and errors",
    17: "WebRTC",
}


def entries() -> list[dict[str, Any]]:
    """Each with id, level, state, how, and tests or reason."""
    found: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def chapter(one: dict[str, Any]) -> int:
    return int(one["id"][1:].split(".")[0])


def _shown(one: dict[str, Any]) -> str:
    """A row. The tests by file and name; a reason after what is done."""
    tests = ", ".join(f"`{Path(path).name}::{name}`" for path, name in (t.split("::") for t in one.get("tests", ())))
    because = ". ".join(filter(None, (one["how"], one.get("reason"))))
    return f"| {one['id']} | {one['level']} | {one['state']} | {because.replace('|', '/')} | {tests or '–'} |"


def page() -> str:
    every = entries()
    counts = {number: Counter(one["state"] for one in every if chapter(one) == number) for number in CHAPTERS}
    total = sum(counts.values(), Counter[str]())
    lines = [
        "# OWASP ASVS 5.0, level 2",
        "",
        "Made from `docs/security/asvs.yaml`; `make docs` renews it. Every requirement of levels 1 and 2 stands here by its number",
        "with the test that shows it, or the reason why there is none; what a number asks is read in",
        "[the standard](https://owasp.org/www-project-application-security-verification-standard/). It is our own judgement, not an audit.",
        "",
        "| Chapter | met | partly | no | not applicable |",
        "|---|---|---|---|---|",
    ]
    for number, title in CHAPTERS.items():
        lines.append(f"| V{number} {title} | " + " | ".join(str(counts[number][state]) for state in STATES) + " |")
    lines.append("| **All** | " + " | ".join(f"**{total[state]}**" for state in STATES) + " |")
    head = ["| Requirement | Level | State | How | Shown by |", "|---|---|---|---|---|"]
    lines += ["", "## Not met, or not wholly", "", *head]
    lines += [_shown(one) for state in ("no", "partly") for one in every if one["state"] == state]
    for number, title in CHAPTERS.items():
        lines += ["", f"## V{number} {title}", "", *head]
        lines += [_shown(one) for one in every if chapter(one) == number]
    return "\n".join([*lines, ""])
