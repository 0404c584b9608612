"""Whether each part works: what /readyz answers and `serve` waits for."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vonglau.kit import metrics

FRESH_SECONDS = 10.0


def worker(data: Path) -> dict[str, Any]:
    """Fresh when the fold gave a sign of life within the last ten seconds."""
    for body in metrics.read(data):
        if body["process"] == "worker":
            age = time.time() - body["beats"].get("fold", 0)
            if age <= FRESH_SECONDS:
                return {"ok": True, "age_seconds": round(age, 1)}
            return {"ok": False, "why": "The worker has not folded for a while; its messages say why."}
    return {"ok": False, "why": "The worker has not started yet."}


def door(commit: Callable[[], None]) -> dict[str, Any]:
    """`commit` makes sure that the log can be written; it raises when not."""
    try:
        began = time.perf_counter()
        commit()
    except Exception as problem:  # noqa: BLE001 - whatever it is, the answer is "not ready, and this is why"
        return {"ok": False, "why": f"{type(problem).__name__}: {problem}"}
    return {"ok": True, "commit_ms": round((time.perf_counter() - began) * 1000, 2)}


def web(alive: bool) -> dict[str, Any]:
    return {"ok": True} if alive else {"ok": False, "why": "No web process answers; it is being started or its messages say why."}
