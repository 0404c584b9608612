"""Several threads announce changes at once while one follows: a process of `test_order.py`.

python -m tests.conformance.changing PLAN     (PLAN: JSON; one list of transactions for each writer, each a list of pauses in ms before
its announcements and its commit). Prints the ids the follower saw, in order, when the caller closes our input.
"""

import json
import os
import sys
import threading
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vonglau.web.settings")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from vonglau.core import changes  # noqa: E402
from vonglau.kit import hub  # noqa: E402


def write(transactions: list[list[int]]) -> None:
    for number, pauses in enumerate(transactions):
        with transaction.atomic():
            for pause in pauses:
                changes.announce("live", "incident", f"{os.getpid()}-{number}")
                time.sleep(pause / 1000)
        if not pauses:
            changes.announce("live", "incident", f"{os.getpid()}-{number}")  # a single write, in no transaction
    connection.close()


def follow(seen: list[int], done: threading.Event) -> None:
    after = 0
    while True:
        last = done.is_set()
        found = hub.read(after, 7)
        seen += [entry.position for entry in found]
        after = found[-1].position if found else after
        if not found:
            if last:
                break
            time.sleep(0.001)
    connection.close()


def main(plan: list[list[list[int]]]) -> None:
    seen: list[int] = []
    done = threading.Event()
    follower = threading.Thread(target=follow, args=(seen, done))
    writers = [threading.Thread(target=write, args=(transactions,)) for transactions in plan]
    print("ready", flush=True)
    sys.stdin.readline()
    for thread in (follower, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    print("written", flush=True)
    sys.stdin.readline()  # the other processes have written too
    done.set()
    follower.join()
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
