"""Whether each part works: what /readyz answers and `serve` waits for."""

import time
from pathlib import Path
from typing import Any

from django.db import DatabaseError

from vonglau.kit import boards

COMMIT_SECONDS = 3.0
"""How long the door may need for an empty commit and still be ready."""


def worker(data: Path) -> dict[str, Any]:
    """Fresh when a fold gave a sign of life within the last ten seconds. Others may stand by: one folds."""
    try:
        bodies = boards.of(data).read()
    except DatabaseError:
        return {"ok": False, "why": "The state's database does not answer, so nobody knows: is its server running?"}
    folds = [body["beats"]["fold"] for body in bodies if body["role"] == "worker" and "fold" in body["beats"]]
    if not folds:
        return {"ok": False, "why": "The worker has not started yet."}
    now = time.time()  # a sign from the future is one from before the clock was set back
    age = min(abs(now - fold) for fold in folds)
    if age <= boards.FRESH_SECONDS:
        return {"ok": True, "age_seconds": round(age, 1)}
    return {"ok": False, "why": "The worker has not folded for a while; its messages say why."}


def web(answering: int, known: int) -> dict[str, Any]:
    """Of the addresses of web processes that the door knows, how many answer. One is enough to be ready."""
    if answering:
        return {"ok": True, "answering": answering, "of": known}
    return {"ok": False, "why": "No web process answers; it is being started or its messages say why."}
