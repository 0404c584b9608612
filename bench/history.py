"""How fast history loads: the shipped sample, repeated under new numbers, through the real command into a fresh folder."""

import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "samples" / "da_nang_history.csv"
MAPPING = ROOT / "data" / "mappings" / "da_nang_history.yaml"


def _command(*arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VONGLAU_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-m", "vonglau.cli", *arguments], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.strip().splitlines()[-1]


def run(rows: int = 20_000) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vonglau-bench-") as folder:
        file = Path(folder) / "history.csv"
        with SAMPLE.open(encoding="utf-8", newline="") as source:
            sample = list(csv.DictReader(source))
        with file.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, fieldnames=list(sample[0]))
            writer.writeheader()
            for number in range(rows):
                row = dict(sample[number % len(sample)])
                first = next(iter(row))
                row[first] = f"{row[first]}-{number}"
                writer.writerow(row)
        data = Path(folder) / "city"
        _command("init", "--data", str(data), "--json")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = json.loads(
            _command(
                "load",
                "reports",
                str(file),
                "--mapping",
                str(MAPPING),
                "--world",
                "bench",
                "--data",
                str(data),
                "--json",
            )
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rows": rows,
        "loaded": said["loaded"],
        "seconds": said["seconds"],
        "rows_per_s": round(said["loaded"] / said["seconds"]),
        "cpu_us_per_row": round(cpu / max(1, said["loaded"]) * 1e6, 1),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }


if __name__ == "__main__":
    print(json.dumps(run()))
