"""The sender is killed with SIGKILL after every durable step: nothing is forgotten, and what is sent twice is sent under one key.

queue ─▶ claim ─▶ (it leaves the house) ─▶ record          each in every channel; the receivers are real servers on this machine
"""

import base64
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook

from tests.serving import environment, new_city
from vonglau.gateways.notices.tests.receivers import Receiver, receiving

CHANNELS = ("email", "webhook", "push")
AFTER_LEASE = 150
"""Seconds: a claim that is so old belongs to a process that died."""

Told = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_city(tmp_path_factory.mktemp("notices") / "city")


@pytest.fixture
def tell(city: Path) -> Told:
    def told(do: str, *, killed: bool = False, **more: Any) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.notice_sender"],
            input=json.dumps({"do": do, **more}),
            capture_output=True,
            text=True,
            timeout=120,
            env={**environment(city), "VONGLAU_DATA": str(city)},
            cwd=Path(__file__).parent.parent.parent,
            check=False,
        )
        expected = -signal.SIGKILL if killed else 0
        assert done.returncode == expected, done.stderr[-3000:]
        return done

    return told


class World:
    """What has arrived outside, by the key that the channel carries."""

    def __init__(self, city: Path, receiver: Receiver, tell: Told) -> None:
        self.sink, self.receiver, self.tell, self.secret = city / "outbox" / "live", receiver, tell, ""
        point = ec.generate_private_key(ec.SECP256R1()).public_key()
        raw = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        keys = {"p256dh": base64.urlsafe_b64encode(raw).decode().rstrip("="), "auth": "BTBZMqHH6r4Tts7J_aSIgg"}
        self.subscription = {"endpoint": receiver.url, "keys": keys}
        for path in self.sink.glob("*") if self.sink.exists() else ():
            path.unlink()

    def queue(self, channel: str, number: int = 1) -> None:
        said = self.tell("queue", channel=channel, number=number, url=self.receiver.url, subscription=self.subscription)
        self.secret = said.stdout.strip()

    def send(self, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.tell("send", private=["127.0.0.1"], **more)

    def look(self) -> list[dict[str, Any]]:
        return list(json.loads(self.tell("look").stdout))

    def arrived(self) -> list[str]:
        """One key for each copy that arrived; a webhook's signature is checked on the way."""
        for got in self.receiver.got:
            if "webhook-id" in got.headers:
                Webhook(self.secret).verify(got.body, got.headers)
        mails = sorted(self.sink.glob("*")) if self.sink.exists() else []
        # Two processes may write into one file: Django names it by the second and an address in memory.
        ids = [one.decode() for path in mails for one in re.findall(rb"(?mi)^Message-ID: (.+?)\r?$", path.read_bytes())]
        return [*ids, *(got.headers.get("webhook-id") or got.headers["topic"] for got in self.receiver.got)]


@pytest.fixture
def world(city: Path, tell: Told) -> Iterator[World]:
    with receiving() as receiver:
        yield World(city, receiver, tell)


KILLED = {
    # killed after: (its state then, copies that had left, attempts' outcomes and copies in the end)
    "claimed": ("sending", 0, ["uncertain", "delivered"], 1),
    "sent": ("sending", 1, ["uncertain", "delivered"], 2),
    "recorded": ("delivered", 1, ["delivered"], 1),
}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("kill_at", KILLED)
def test_killed_after_any_step_it_arrives_and_a_copy_has_the_same_key(world: World, channel: str, kill_at: str) -> None:
    state, left, outcomes, copies = KILLED[kill_at]
    world.queue(channel)
    world.send(kill_at=kill_at, killed=True)
    assert world.look()[0]["state"] == state
    assert len(world.arrived()) == left
    world.send()
    assert len(world.arrived()) == left, "an unfinished send is not begun again before it is known to be dead"
    world.send(ahead=AFTER_LEASE)
    (seen,) = world.look()
    assert (seen["state"], seen["attempts"]) == ("delivered", outcomes)
    assert len(world.arrived()) == copies
    assert len(set(world.arrived())) == 1, "the receiver can tell that they are one"


def test_a_process_that_dies_between_queue_and_claim_forgets_nothing(world: World) -> None:
    """The queueing process ended; nothing of it is left but what it committed."""
    world.queue("webhook", 3)
    assert [one["state"] for one in world.look()] == ["pending"] * 3
    world.send()
    assert len(set(world.arrived())) == len(world.arrived()) == 3


@pytest.mark.parametrize("kill_at", ["claimed", "sent"])
def test_an_acknowledgement_after_the_death_stops_the_second_send(world: World, kill_at: str) -> None:
    world.queue("webhook")
    world.send(kill_at=kill_at, killed=True)
    world.tell("acknowledge")
    world.send(ahead=AFTER_LEASE)
    (seen,) = world.look()
    assert (seen["state"], seen["uncertain"]) == ("cancelled", 1)
    assert len(world.arrived()) == (0 if kill_at == "claimed" else 1)


def test_one_that_dies_every_time_is_seen_as_failed_in_the_end(world: World) -> None:
    world.queue("webhook")
    for round_ in range(3):
        world.send(kill_at="sent", ahead=round_ * AFTER_LEASE, killed=True)
    world.send(ahead=80 * 3600)
    (seen,) = world.look()
    assert (seen["state"], seen["uncertain"]) == ("failed", 3)
    assert len(set(world.arrived())) == 1


def test_two_senders_never_send_the_same_one(world: World, city: Path) -> None:
    world.queue("email", 40)
    command = [sys.executable, "-m", "tests.faults.notice_sender"]
    where = Path(__file__).parent.parent.parent
    senders = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment(city), "VONGLAU_DATA": str(city)},
            cwd=where,
        )
        for _ in range(3)
    ]
    for one in senders:
        assert one.stdin is not None
        one.stdin.write('{"do": "send"}')
        one.stdin.close()
    counts = [int(one.stdout.read()) for one in senders if one.stdout is not None]
    assert [one.wait(120) for one in senders] == [0, 0, 0]
    for one in senders:
        assert one.stdout is not None
        one.stdout.close()
    assert sum(counts) == 40
    assert len(world.arrived()) == len(set(world.arrived())) == 40
