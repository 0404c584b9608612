"""Runs every scenario, one after the other, and prints the table: `make bench`, or `vonglau bench all`.

Wall times of a shared machine are noisy: `runs=3` gives medians, and the CPU column is the steadier one.
"""

import importlib
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CPU = ("server_cpu_us_per_event", "cpu_us_per_event", "cpu_us_per_row")


def once(scenario: dict[str, Any]) -> dict[str, Any]:
    """A scenario in a process of its own: benchmarks must not warm each other up."""
    module, _, name = scenario["call"].partition(":")
    code = f"import json, importlib; print(json.dumps(importlib.import_module({module!r}).{name}(**{scenario['options']!r}), default=str))"
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    answer: dict[str, Any] = importlib.import_module("json").loads(done.stdout.strip().splitlines()[-1])
    return answer


def verdict(scenario: dict[str, Any], value: float) -> str:
    high = "at_least" in scenario
    reached = value >= scenario["at_least"] if high else value <= scenario["at_most"]
    aimed = value >= scenario["aim"] if high else value <= scenario["aim"]
    return "aim" if aimed else "reached" if reached else "FALLS SHORT"


def run(runs: int = 1, only: str = "") -> dict[str, Any]:
    """Every scenario `runs` times; the table goes to stderr as Markdown, the figures come back."""
    scenarios = yaml.safe_load((HERE / "scenarios" / "first.yaml").read_text(encoding="utf-8"))["scenarios"]
    rows, lines = [], []
    for scenario in scenarios:
        if only and only not in scenario["call"]:
            continue
        print(f"… {scenario['name']}", file=sys.stderr, flush=True)
        answers = [once(scenario) for _run in range(runs)]
        good = sorted((a for a in answers if "failed" not in a), key=lambda a: a[scenario["figure"]])
        bound = scenario.get("at_least", scenario.get("at_most"))
        if not good:
            lines.append(
                f"| {scenario['name']} | failed: {answers[0]['failed']} | – | {bound:,} | {scenario['aim']:,} | – | – |"
            )
            rows.append({"scenario": scenario, "answers": answers})
            continue
        value = statistics.median(a[scenario["figure"]] for a in good)
        cpu = next((good[len(good) // 2][key] for key in CPU if key in good[0]), None)
        lines.append(
            f"| {scenario['name']} | **{value:,.0f}** {scenario['unit']} | {f'{cpu / 1000:.4f}' if cpu else '–'} | {bound:,} | "
            f"{scenario['aim']:,} | {verdict(scenario, value)} | {scenario['neighbour']} |"
        )
        rows.append({"scenario": scenario, "median": value, "answers": answers})
    head = "| measure | figure | CPU ms per item | at least (most) | aim | | neighbour |\n|---|---|---|---|---|---|---|"
    table = "\n".join([head, *lines])
    print(f"\n{table}\n", file=sys.stderr, flush=True)
    machine = f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    return {"machine": machine, "runs": runs, "table": table, "rows": rows}
