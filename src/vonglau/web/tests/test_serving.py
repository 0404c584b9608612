"""What a process of the server does about its own memory while it starts."""

import subprocess
import sys

PROCESS = """
import gc
from vonglau.web import serving
serving.hold_collector()
held = gc.isenabled()
import django.db.models
made = len(gc.get_objects())
serving.set_aside()
later = [[] for _ in range(10)]
print(held, gc.isenabled(), made > 10_000, len(gc.get_objects()) < made / 10)
"""


def test_what_a_start_makes_is_never_walked_again_and_what_comes_later_is() -> None:
    done = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True", "True"]
