"""In front of everything the door serves: where a request comes from, whether its token may come from there, and how often.

A caller is its token, or else its address. Sign-in has a narrow policy of its own by address, citizens' forms a wide
one. What is counted lives in the memory of the one door process, which fronts pages and API alike, so that no number has to be shared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from vonglau.core.people.attempts import subscriber
from vonglau.kit import asgi, tokens
from vonglau.kit.asgi import Scope
from vonglau.kit.limits import Answer, Buckets, Policy
from vonglau.web.keys import Keyring

SIGN_IN = "/accounts/"
CITIZENS = "/field_reports/"
"""Where citizens send reports, join, follow and answer."""
NOT_CITIZENS = ("/field_reports/photos/", "/field_reports/hints", "/field_reports/places", "/field_reports/language")
"""Below it: what staff send, what the form asks while one writes, and what keeps nothing."""
FREE = ("/static/", "/healthz", "/readyz", "/-/")
"""What costs nothing and is asked often: files with a year's cache, and probes."""


Networks = Sequence[IPv4Network | IPv6Network]


def within(networks: Networks) -> Callable[[str], bool]:
    """Whether an address lies in one of these; an IPv4 address that came in IPv6's clothes counts as what it is."""

    @lru_cache(maxsize=1024)
    def inside(client: str) -> bool:
        try:
            address = ip_address(client)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in networks)

    return inside


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second. A burst is what a caller may ask at once after a pause."""

    token: int
    address: int
    sign_in_per_minute: int
    reports_per_minute: int = 120


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further."""

    status: int
    title: str
    detail: str
    headers: list[tuple[bytes, bytes]]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class Gate:
    """Asked once for every request, from the event loop."""

    def __init__(self, keys: Keyring, limits: Limits, *, proxies: Networks = ()) -> None:
        """`proxies`: where the operator's own stand. The last address and the scheme that they wrote are believed, nobody else's."""
        self.keys, self._believed = keys, within(proxies)
        self.buckets = Buckets()
        self.usual = Policy("token", limits.token, limits.token * 2)
        self.address = Policy("address", limits.address, limits.address * 4)
        self.sign_in = Policy("sign-in", limits.sign_in_per_minute / 60, limits.sign_in_per_minute)
        self.reports = Policy("reports", limits.reports_per_minute / 60, limits.reports_per_minute)
        self._own: dict[int, Policy] = {}

    def look(self, scope: Scope) -> Refusal | Answer | None:
        """None: nothing is counted here. Sets the scope's client and scheme to what the request really came with."""
        client = self._client(scope)
        path: str = scope["path"]
        if path.startswith(FREE):
            return None
        authorization = asgi.header(scope, b"authorization")
        if authorization is not None:
            token = tokens.bearer(authorization)
            if token is not None:
                held = self.keys.held(token)
                if held is not None:
                    if not tokens.may_come_from(held.networks, client):
                        detail = f"The token {held.grant.name!r} may not be used from this address."
                        return Refusal(403, "Forbidden", detail, [])
                    self.keys.note(held)
                    return self._told(self.buckets.take(self._policy(held.id, held.per_second), str(held.id)))
                if self.keys.find(token) is not None:
                    return None  # our own processes
        if scope["method"] == "POST" and path.startswith(SIGN_IN):
            return self._told(self.buckets.take(self.sign_in, subscriber(client)))
        if scope["method"] == "POST" and path.startswith(CITIZENS) and not path.startswith(NOT_CITIZENS):
            return self._told(self.buckets.take(self.reports, subscriber(client)))
        return self._told(self.buckets.take(self.address, subscriber(client)))

    def _client(self, scope: Scope) -> str:
        address = (scope.get("client") or ("", 0))[0]
        if self._believed(str(address)):
            said = asgi.joined(scope, b"x-forwarded-for").decode("latin-1").rpartition(",")[2].strip()
            if _is_address(said):
                scope["client"] = (said, 0)
                address = said
            scheme = (asgi.header(scope, b"x-forwarded-proto") or b"").decode("latin-1")
            if scheme in ("http", "https"):
                scope["scheme"] = scheme
        return str(address)

    def _policy(self, id: int, per_second: int | None) -> Policy:
        if per_second is None:
            return self.usual
        own = self._own.get(id)
        if own is None or own.rate != per_second:
            own = self._own[id] = Policy("token", per_second, per_second * 2)
        return own

    @staticmethod
    def _told(answer: Answer) -> Refusal | Answer:
        if answer.passes:
            return answer
        wait = max(1, round(answer.wait + 0.5))
        detail = f"Too many requests; nothing was kept. Try again in {wait} s, and not more than {answer.policy.rate:g} a second."
        return Refusal(429, "Too Many Requests", detail, answer.headers())
