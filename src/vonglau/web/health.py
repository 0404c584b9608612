"""Whether each part works: what /readyz answers and `serve` waits for."""

import time
from pathlib import Path
from typing import Any

from vonglau.kit import metrics

FRESH_SECONDS = 10.0
COMMIT_SECONDS = 3.0
"""How long the door may need for an empty commit and still be ready."""


def worker(data: Path) -> dict[str, Any]:
    """Fresh when the fold gave a sign of life within the last ten seconds."""
    for body in metrics.read(data):
        if body["process"] == "worker":
            age = time.time() - body["beats"].get("fold", 0)
            if age <= FRESH_SECONDS:
                return {"ok": True, "age_seconds": round(age, 1)}
            return {"ok": False, "why": "The worker has not folded for a while; its messages say why."}
    return {"ok": False, "why": "The worker has not started yet."}


def web(alive: bool) -> dict[str, Any]:
    return (
        {"ok": True}
        if alive
        else {"ok": False, "why": "No web process answers; it is being started or its messages say why."}
    )
