"""kill -9 of any process under load: nothing acknowledged is lost, nothing doubled, the chain is whole, `check` is clean."""

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from tests.serving import Serving, new_city, serving, token, vonglau
from vonglau.engines import open_reader

ROUNDS = 6


class Load(threading.Thread):
    """Posts batches until stopped; sends a batch again, as it is, when it got no answer: what a good sender does."""

    def __init__(self, server: Serving, key: str, number: int) -> None:
        super().__init__(daemon=True)
        self.server, self.key, self.number = server, key, number
        self.acknowledged: list[str] = []
        self.ended = threading.Event()

    def run(self) -> None:
        batch = 0
        while not self.ended.is_set():
            ids = [f"{self.number}-{batch}-{i}" for i in range(20)]
            events = [
                {
                    "specversion": "1.0",
                    "id": id,
                    "source": "/fault",
                    "type": "vn.vonglau.traffic.measured",
                    "subject": f"s{i}",
                    "time": "2026-11-20T00:00:00Z",
                    "data": {"quantity": "speed", "value": 40 + i},
                }
                for i, id in enumerate(ids)
            ]
            with suppress(OSError, HTTPException):
                status, _headers, said = self.server.request(
                    "POST", "/api/events", events, self.key, {"Content-Type": "application/cloudevents-batch+json"}
                )
                if status == 202:
                    assert said["accepted"] + said["duplicates"] == len(ids)
                    self.acknowledged += ids
                    batch += 1
                    continue
            time.sleep(0.05)


def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    data = new_city(tmp_path / "city")
    key = token(data)
    chance = random.Random(20261123)
    with serving(data) as server:
        senders = [Load(server, key, number) for number in range(3)]
        for sender in senders:
            sender.start()
        for _round in range(ROUNDS):
            time.sleep(chance.uniform(0.4, 1.2))
            victim = chance.choice(sorted(server.children()))
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            server.wait_ready(30)
        time.sleep(0.5)
        for sender in senders:
            sender.ended.set()
        for sender in senders:
            sender.join(40)
        acknowledged = [id for sender in senders for id in sender.acknowledged]
        assert len(acknowledged) > 200
    stored: Counter[str] = Counter()
    reader, after = open_reader(data), 0
    while len(batch := reader.batch(after, 50_000)):
        stored.update(id for id, source in zip(batch.id, batch.source, strict=True) if source == "/fault")
        after = batch.through
    assert not [id for id in acknowledged if stored[id] == 0], "acknowledged, and lost"
    assert not [id for id, times in stored.items() if times > 1], "stored twice"
    checked = vonglau("check", "--data", data)
    assert checked.returncode == 0, checked.stdout + checked.stderr
