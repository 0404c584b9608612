"""Rate limits: a token bucket per caller, in memory. It fills at a steady rate and holds a burst; an empty one says when to come back.

Answers follow the IETF draft "RateLimit header fields for HTTP": `RateLimit-Policy` names the quota, `RateLimit` what is left of it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

MOST = 20_000
"""Callers remembered at most; beyond that the fullest buckets go first: who forgets them loses nothing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`rate` requests a second on average, `burst` at once."""

    name: str
    rate: float
    burst: float

    @property
    def header(self) -> bytes:
        return f'"{self.name}";q={int(self.burst)};w={max(1, round(self.burst / self.rate))}'.encode()


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a request may pass, what is left, and after how many seconds it may be tried again."""

    policy: Policy
    passes: bool
    left: int
    wait: float

    def headers(self) -> list[tuple[bytes, bytes]]:
        told = [
            (b"ratelimit-policy", self.policy.header),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (self.policy.name.encode(), self.left, self._seconds())),
        ]
        return told if self.passes else [*told, (b"retry-after", b"%d" % self._seconds())]

    def _seconds(self) -> int:
        """Until there is one again, or, where there is, until the bucket is full; whole seconds, at least one."""
        full = (self.policy.burst - self.left) / self.policy.rate
        return max(1, int(-(-(full if self.passes else self.wait) // 1)))


class Buckets:
    """The buckets of one process. Not for threads: the door asks from its event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, policy: Policy, who: str, cost: float = 1.0) -> Answer:
        """Take from a caller's bucket. One that is empty is not charged, so that waiting always helps."""
        now = self._clock()
        key = (policy.name, who)
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MOST:
                self._drop()
            bucket = self._buckets[key] = _Bucket(policy.burst, now)
        else:
            bucket.left = min(policy.burst, bucket.left + (now - bucket.at) * policy.rate)
            bucket.at = now
        if bucket.left < cost:
            return Answer(policy, False, int(bucket.left), (cost - bucket.left) / policy.rate)
        bucket.left -= cost
        return Answer(policy, True, int(bucket.left), 0.0)

    def _drop(self) -> None:
        """Half of them, those that were asked longest ago: they are the fullest."""
        old = sorted(self._buckets, key=lambda key: self._buckets[key].at)[: MOST // 2]
        for key in old:
            del self._buckets[key]
