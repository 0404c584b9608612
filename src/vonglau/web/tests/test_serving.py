"""What a process of the server does about its own memory while it starts, and how soon it is started again."""

import signal
import subprocess
import sys

import pytest

from vonglau.web.supervise import KILLED_PAUSE, LONGEST_PAUSE, pause

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


@pytest.mark.parametrize(("code", "longest"), [(-signal.SIGKILL, KILLED_PAUSE), (1, LONGEST_PAUSE), (0, LONGEST_PAUSE)])
def test_who_was_killed_comes_back_soon_and_who_cannot_run_is_tried_ever_more_seldom(code: int, longest: float) -> None:
    pauses = [pause(code, deaths) for deaths in range(1, 2_000)]
    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert pauses[-1] == longest
