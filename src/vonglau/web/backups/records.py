"""When the last check and the last backup ran, and how they ended: small files for the health page, `<data>/run/<what>.json`.

{"at": UTC time, "ok": bool, "seconds": float, "said": one sentence, …}
"""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CHECK, BACKUP = "check", "backup"


def write(data: Path, what: str, *, ok: bool, seconds: float, said: str, **more: Any) -> None:
    """Replace the record in one step. Where nothing can be written (a full or read-only disk) the result stands on the screen alone."""
    body = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ok": ok,
        "seconds": round(seconds, 1),
        "said": said,
        **more,
    }
    path = data / "run" / f"{what}.json"
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_name(f".{what}.{os.getpid()}")
        fresh.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        fresh.replace(path)


def read(data: Path, what: str) -> dict[str, Any] | None:
    """The last record; None when it never ran, or the file is no record."""
    with suppress(OSError, ValueError):
        body = json.loads((data / "run" / f"{what}.json").read_text(encoding="utf-8"))
        if isinstance(body, dict) and {"at", "ok", "said"} <= body.keys():
            return body
    return None
