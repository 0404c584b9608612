"""The gate: who is counted as whom, where a token may come from, and that a proxy is believed only where one is named."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from vonglau.kit import tokens
from vonglau.kit.limits import Answer
from vonglau.web.gate import Gate, Limits, Refusal
from vonglau.web.keys import EVERYTHING, Keyring

FEW = Limits(token=2, address=1, sign_in_per_minute=3)


@pytest.fixture
def gate(db: None, tmp_path: Path, settings: Any) -> Gate:
    settings.VONGLAU_SECRETS = tmp_path
    return Gate(Keyring(tmp_path), FEW)


def scope(path: str = "/", method: str = "GET", client: str = "192.0.2.1", **headers: str) -> dict[str, Any]:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "path": path, "method": method, "client": (client, 1), "headers": sent}


def refused(found: object) -> int:
    return found.status if isinstance(found, Refusal) else 0


def test_strangers_are_counted_by_address_and_static_files_not_at_all(gate: Gate) -> None:
    assert [refused(gate.look(scope())) for _ in range(5)] == [0, 0, 0, 0, 429]
    assert refused(gate.look(scope(client="192.0.2.2"))) == 0
    assert gate.look(scope("/static/a.js")) is None
    told = gate.look(scope())
    assert isinstance(told, Refusal)
    assert dict(told.headers)[b"retry-after"] == b"1"
    assert "nothing was kept" in told.detail


def test_sign_in_is_counted_apart(gate: Gate) -> None:
    asked = [refused(gate.look(scope("/accounts/login/", "POST"))) for _ in range(4)]
    assert asked == [0, 0, 0, 429]
    assert refused(gate.look(scope("/accounts/login/"))) == 0


def test_a_token_is_counted_as_itself_at_its_own_rate(gate: Gate) -> None:
    text, _ = tokens.mint("a", ["read"], "live")
    slow, _ = tokens.mint("slow", ["read"], "live", tokens.Bounds(per_second=1))
    gate.keys.refresh()
    for one, passes in ((text, 4), (slow, 2)):
        asked = [refused(gate.look(scope(authorization=f"Bearer {one}"))) for _ in range(passes + 1)]
        assert asked == [0] * passes + [429]
    assert refused(gate.look(scope(authorization="Bearer vl_unknown"))) == 0, "counted by its address"


def test_our_own_processes_are_not_counted(gate: Gate, tmp_path: Path) -> None:
    own = (tmp_path / "door.token").read_text()
    assert all(gate.look(scope(authorization=f"Bearer {own}")) is None for _ in range(20))
    assert gate.keys.find(own) is EVERYTHING


def test_a_token_works_from_its_networks_alone(gate: Gate) -> None:
    text, _ = tokens.mint("a", ["read"], "live", tokens.Bounds(addresses=["10.1.0.0/16", "2001:db8::/32"]))
    gate.keys.refresh()
    for client, status in (
        ("10.1.2.3", 0), ("::ffff:10.1.2.3", 0), ("2001:db8::7", 0), ("10.2.0.1", 403), ("nonsense", 403), ("", 403),
    ):  # fmt: skip
        assert refused(gate.look(scope(client=client, authorization=f"Bearer {text}"))) == status, client


def test_who_a_client_is_comes_from_the_proxy_only_where_one_is_named(gate: Gate) -> None:
    asked = scope(x_forwarded_for="203.0.113.9")
    gate.look(asked)
    assert asked["client"][0] == "192.0.2.1"
    behind = Gate(gate.keys, FEW, proxies=[ip_network("192.0.2.0/24")])
    asked = scope(x_forwarded_for="1.1.1.1, 203.0.113.9")
    assert isinstance(behind.look(asked), Answer)
    assert asked["client"][0] == "203.0.113.9", "the last one is what our proxy saw; the rest a client may write itself"
    passed_by = scope(client="198.51.100.4", x_forwarded_for="203.0.113.9", x_forwarded_proto="https")
    behind.look(passed_by)
    assert passed_by["client"][0] == "198.51.100.4", "who found the port behind the proxy is not the proxy"
    assert passed_by.get("scheme") != "https"


def test_an_expired_token_is_nobody_and_a_used_one_is_noted(gate: Gate, monkeypatch: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    text, row = tokens.mint("a", ["read"], "live", tokens.Bounds(expires_at=timezone.now() + timedelta(hours=1)))
    gate.keys.refresh()
    gate.look(scope(authorization=f"Bearer {text}"))
    monkeypatch.setattr("vonglau.web.keys.USED_SECONDS", -1.0)
    gate.keys.refresh()
    row.refresh_from_db()
    assert row.used_at is not None
    later = timezone.now().timestamp() + 3601
    monkeypatch.setattr("vonglau.web.keys.time.time", lambda: later)
    assert gate.keys.find(text) is None


def test_a_proxy_that_adds_a_line_of_its_own_has_the_last_word(gate: Gate) -> None:
    """HAProxy's `option forwardfor` does: the client's own line stands before it."""
    behind = Gate(gate.keys, FEW, proxies=[ip_network("192.0.2.0/24")])
    asked = scope()
    asked["headers"] = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9")]
    behind.look(asked)
    assert asked["client"] == ("203.0.113.9", 0)
    for said in ("1.2.3.4:5555", "unknown", "203.0.113.9,", ""):
        asked = scope(x_forwarded_for=said)
        behind.look(asked)
        assert asked["client"][0] == "192.0.2.1", said


def test_a_subscriber_of_ipv6_is_one_caller_whatever_the_address(gate: Gate) -> None:
    asked = [refused(gate.look(scope(client=f"2001:db8:1:2::{n:x}"))) for n in range(5)]
    assert asked == [0, 0, 0, 0, 429]
    assert refused(gate.look(scope(client="2001:db8:1:3::1"))) == 0
