"""The house never calls its own neighbours for a stranger: addresses are checked once, and the connection goes to what was checked."""

import pytest

from vonglau.core.errors import BadInput
from vonglau.core.notify.channel import NotDelivered
from vonglau.gateways.notices.addresses import Allowed, target
from vonglau.gateways.notices.post import post
from vonglau.gateways.notices.tests.receivers import receiving

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1",
    "192.0.2.7", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2001:db8::1", "::127.0.0.1", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_refused_by_name_and_as_a_literal(address: str) -> None:
    with pytest.raises(NotDelivered, match="no public address"):
        target("https://hooks.example.org/", Allowed(), lambda host, port: [address])
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(NotDelivered, match="no public address"):
        target(f"https://{literal}/", Allowed())


@pytest.mark.parametrize("written", ["2130706433", "0x7f.1", "017700000001", "127.1"])
def test_other_ways_to_write_an_address_are_resolved_before_they_are_checked(written: str) -> None:
    with pytest.raises(NotDelivered):
        target(f"https://{written}/", Allowed())


def test_one_inner_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(NotDelivered, match=r"10\.0\.0\.5"):
        target("https://hooks.example.org/", Allowed(), lambda host, port: ["9.9.9.9", "10.0.0.5"])


def test_a_public_address_over_https_is_called_by_the_address_that_was_checked() -> None:
    found = target("https://Hooks.Example.org:8443/a?b=1", Allowed(), lambda host, port: ["9.9.9.9"])
    assert (found.host, found.address, found.port, found.path) == ("hooks.example.org", "9.9.9.9", 8443, "/a?b=1")
    with pytest.raises(NotDelivered, match="https only"):
        target("http://hooks.example.org/", Allowed(), lambda host, port: ["9.9.9.9"])


def test_the_citys_own_network_is_opened_by_name_or_by_network_and_link_local_never() -> None:
    assert target("http://10.20.3.4/", Allowed.of(["10.20.0.0/16"])).address == "10.20.3.4"
    assert (
        target("http://hooks.city/", Allowed.of(["hooks.city"]), lambda host, port: ["10.0.0.1"]).address == "10.0.0.1"
    )
    assert target("http://[fd00::1]/", Allowed.of(["fd00::/64"])).address == "fd00::1"
    assert target("https://[::ffff:10.20.0.1]/", Allowed.of(["10.20.0.0/16"])).port == 443
    with pytest.raises(NotDelivered):
        target("http://other.city/", Allowed.of(["hooks.city"]), lambda host, port: ["10.0.0.1"])
    with pytest.raises(NotDelivered):
        target(
            "http://hooks.city/", Allowed.of(["hooks.city", "169.254.0.0/16"]), lambda host, port: ["169.254.169.254"]
        )
    with pytest.raises(BadInput, match="neither a host name nor a network"):
        Allowed.of(["10.0.0.0/99"])


def test_a_name_that_answers_differently_the_second_time_is_asked_once() -> None:
    """DNS rebinding: the first answer is public, the second would be ourselves."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["9.9.9.9"] if len(asked) == 1 else ["127.0.0.1"]

    found = target("https://rebind.example.org/", Allowed(), rebinding)
    assert (found.address, asked) == ("9.9.9.9", ["rebind.example.org"])


def test_the_connection_goes_to_the_checked_address_under_the_hosts_own_name() -> None:
    """`other.city` does not exist: were it resolved again, the connection would fail."""
    with receiving() as there:
        found = target(
            f"http://other.city:{there.port}/x", Allowed.of(["other.city"]), lambda host, port: ["127.0.0.1"]
        )
        assert post(found, b"{}", {"Content-Type": "application/json"}).status == 204
        assert there.got[0].headers["host"] == f"other.city:{there.port}"


def test_a_redirect_is_an_answer_not_a_way() -> None:
    with receiving(answer=lambda self, got: (302, {"Location": f"http://127.0.0.1:{self.port}/inner"}, b"")) as there:
        found = target(there.url, Allowed.of(["127.0.0.1"]))
        assert post(found, b"{}", {}).status == 302
        assert [got.path for got in there.got] == ["/hook"]


def test_a_name_that_cannot_be_resolved_says_so() -> None:
    with pytest.raises(NotDelivered, match="cannot be resolved"):
        target("https://nowhere.invalid/", Allowed())
