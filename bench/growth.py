"""The door as the log grows: batches and single events at 0, 1 and 5 million stored, on both engines.

    vonglau bench growth                                    # everything
    python -m bench.growth                                  # the same, a JSON line each
    python -m bench.growth --engine postgresql --stored 0 1000000 --seconds 5

The tail is filled through the engine and not sealed: the worst case, as `serve` seals from a million events on. A run that falls
behind its first by more than the tolerance says so.
"""

import argparse
import json
from typing import Any

from bench import ingest
from bench.stores import ENGINES

STORED = (0, 1_000_000, 5_000_000)
TOLERANCE = 0.25
"""How far the rate may fall as the log grows."""


def growth(
    seconds: float = 10.0, engines: tuple[str, ...] = ENGINES, stored: tuple[int, ...] = STORED
) -> list[dict[str, Any]]:
    """One result for each engine, kind of request and size."""
    found = []
    for engine in engines:
        for kind in (ingest.batched, ingest.single):
            first = 0
            for size in stored:
                one = kind(seconds, engine=engine, stored=size)
                first = first or one["events_per_s"]
                one["of_first"] = round(one["events_per_s"] / first, 2)
                one["steady"] = one["of_first"] >= 1 - TOLERANCE
                found.append(one)
                print(json.dumps(one), flush=True)
    return found


def run(seconds: float = 10.0, engine: str = "", most: int = STORED[-1]) -> dict[str, Any]:
    """`engine`: sqlite | postgresql, both when empty. `most`: events stored at most."""
    sizes = tuple(size for size in STORED if size <= most)
    return {"name": "growth", "rows": growth(seconds, (engine,) if engine else ENGINES, sizes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, nargs="+", default=list(ENGINES))
    parser.add_argument("--stored", type=int, nargs="+", default=list(STORED))
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    growth(asked.seconds, tuple(asked.engine), tuple(asked.stored))


if __name__ == "__main__":
    main()
