"""What is asked together is answered as of one moment, whatever another process writes in between; and nobody waits for it."""

import subprocess
import sys
from pathlib import Path

from tests.serving import environment, new_city

ASK = """
import sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from vonglau.web.commands.base import configure
configure(Path(sys.argv[1]))
from django.db import connection
from vonglau.core.indicators.definitions import Counted, Indicator, Scope, Unit, measure
from vonglau.core.people.models import Agency
from vonglau.core.snapshot import one_moment

def count():
    return Agency.objects.count()

def elsewhere():
    def added():
        Agency.objects.create(code=f"a{count()}", name_vi="a", name_en="a", kind="ward", valid_from="2025-07-01")
        connection.close()
    other = threading.Thread(target=added)
    other.start()
    other.join(30)
    assert not other.is_alive(), "who writes waits for nobody who reads"

def twice(scope):
    first = count()
    elsewhere()
    return Counted(first, count())

start = count()
share = Indicator(code="x", title="x", definition="x", numerator="x", denominator="x", unit=Unit.PERCENT, count=twice, rows=None)
scope = Scope(world="live", start=datetime.now(UTC), end=datetime.now(UTC) + timedelta(days=1), locality="48")
assert measure(share, scope).counted == Counted(start, start), measure(share, scope)
assert measure(share, scope).counted == Counted(start + 1, start + 1), "the next moment sees what came"

with one_moment():
    before = count()
    with one_moment():
        elsewhere()
        assert count() == before
    assert count() == before, "a moment within a moment is the same"
assert count() == before + 1

try:
    with one_moment():
        count()
        raise ZeroDivisionError
except ZeroDivisionError:
    elsewhere()
assert count() == before + 2, "a question that fails ends the moment"
"""


def test_both_numbers_of_a_rate_are_of_one_moment(tmp_path: Path) -> None:
    data = new_city(tmp_path / "city")
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(data)], capture_output=True, text=True, env=environment(data), check=False
    )
    assert done.returncode == 0, done.stderr
