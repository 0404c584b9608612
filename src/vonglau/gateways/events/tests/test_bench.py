"""The benchmark of the door works, counts right, and says on what it was measured. No figure is judged here."""

import pytest
from tests import engines

ingest = pytest.importorskip("bench.ingest", reason="the benchmarks stand beside a checkout only")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("scenario", "options"), [("batched", {"batch": 50, "stored": 100}), ("single", {})])
def test_a_short_run_answers_with_what_was_counted(monkeypatch, scenario, options, engine):
    if engine == "postgresql" and engines.missing():
        pytest.skip(engines.missing())
    monkeypatch.setattr(ingest, "WARM_S", 0.0)
    found = getattr(ingest, scenario)(seconds=1.0, connections=2, engine=engine, **options)
    assert found["events"] % found["batch"] == 0
    assert found["events"] > 0
    assert found["events_per_s"] > 0
    assert found["p50_ms"] <= found["p99_ms"]
    assert found["machine"]
    assert found["sqlite"] >= "3.51.3"
