"""Which addresses the house may call on behalf of others: public ones, over https; private ones only where a setting names them.

Whoever may register a webhook or a browser could otherwise make the server ask its own neighbours (server-side request forgery). A name
is resolved once, every address it has must be allowed, and the connection goes to the very address that was checked: a name that
answers differently the second time (DNS rebinding) is never asked a second time. Redirects are not followed.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vonglau.core.errors import BadInput
from vonglau.core.notify.channel import NotDelivered

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last 32 bits are an IPv4 address."""
LOCAL_TRANSLATED = ipaddress.ip_network("64:ff9b:1::/48")
NEVER = tuple(
    ipaddress.ip_network(net)
    for net in ("0.0.0.0/8", "169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "ff00::/8", "255.255.255.255/32", "::/128")
)
"""This network, link-local (clouds' metadata), multicast, broadcast: no setting opens them."""
CLOSED = tuple(
    ipaddress.ip_network(net)
    for net in (
        *("100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "240.0.0.0/4", "2001:db8::/32", "3fff::/20", "5f00::/16", "100::/64", "2001:2::/48"),
    )
)
"""Shared, benchmarking, documentation and reserved space, whatever the interpreter's own tables say."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Private hosts and networks that the installation names (a city's own network)."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @staticmethod
    def of(words: Sequence[str]) -> "Allowed":
        """From `VONGLAU_PRIVATE_HOSTS`: host names, addresses and CIDR networks. Raises BadInput."""
        hosts, networks = set(), []
        for word in words:
            try:
                networks.append(ipaddress.ip_network(word.strip("[]")))
            except ValueError as wrong:
                if "/" in word or ":" in word or not word.replace("-", "").replace(".", "").isalnum():
                    raise BadInput(f"VONGLAU_PRIVATE_HOSTS: {word!r} is neither a host name nor a network.") from wrong
                hosts.add(word.lower().rstrip("."))
        return Allowed(frozenset(hosts), tuple(networks))

    def names(self, host: str, address: Address) -> bool:
        return host in self.hosts or any(address in net for net in self.networks if net.version == address.version)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, decided once."""

    host: str
    """For the certificate and the Host header."""
    address: str
    port: int
    path: str
    secure: bool


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one only wraps (mapped, compatible, 6to4, Teredo, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and address in TRANSLATED:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is None and int(address) >> 32 == 0 and int(address) > 1:  # ::a.b.c.d, long deprecated
        inner = ipaddress.IPv4Address(int(address))
    return inner or address


def is_public(address: Address) -> bool:
    """Reachable by everybody on the internet, hence nobody's inner network."""
    address = unwrapped(address)
    closed = any(address in net for net in (*NEVER, *CLOSED) if net.version == address.version)
    return address.is_global and not address.is_multicast and not closed and address not in LOCAL_TRANSLATED


def _may(host: str, address: Address, allowed: Allowed) -> tuple[bool, bool]:
    """(may be called, was named by the setting)."""
    inner = unwrapped(address)
    if any(inner in net for net in NEVER if net.version == inner.version):
        return False, False
    named = allowed.names(host, inner)
    return named or is_public(address), named


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as the system resolves it. Raises OSError."""
    found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def target(url: str, allowed: Allowed, look_up: Resolve = resolve) -> Target:
    """Resolve and check an address. Raises NotDelivered with what an administrator can do."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    secure = parts.scheme == "https"
    if parts.scheme not in ("https", "http") or not host:
        raise NotDelivered("The address is no https:// address.", final=True)
    port = parts.port or (443 if secure else 80)
    try:
        answers = look_up(host, port)
        addresses = [ipaddress.ip_address(answer.partition("%")[0]) for answer in answers]
    except (OSError, ValueError) as problem:
        raise NotDelivered(f"The name {host} cannot be resolved: {problem}") from problem
    if not addresses:
        raise NotDelivered(f"The name {host} has no address.")
    verdicts = [_may(host, address, allowed) for address in addresses]
    for address, (may, _named) in zip(addresses, verdicts, strict=True):
        if not may:
            raise NotDelivered(
                f"{host} is {address}, which is no public address. A server of the city's own can be named in VONGLAU_PRIVATE_HOSTS."
            )
    if not secure and not all(named for _may_be, named in verdicts):
        raise NotDelivered(f"{host} is called over https only; http is for hosts named in VONGLAU_PRIVATE_HOSTS.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, str(addresses[0]), port, path, secure)
