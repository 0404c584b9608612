"""Settings are typed: a value that cannot be used is refused with what is expected."""

import traceback
from pathlib import Path

import pytest

from vonglau.core.errors import BadInput
from vonglau.engines.database import database_of
from vonglau.web.options import OPTIONS, value


@pytest.mark.parametrize("name", OPTIONS)
def test_every_default_can_be_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name, raising=False)
    value(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VONGLAU_TIER", "province"),
        ("VONGLAU_DEMO", "yes"),
        ("VONGLAU_STREAMS", "0"),
        ("VONGLAU_STREAMS", "-1"),
        ("VONGLAU_STREAMS", "1e3"),
        ("VONGLAU_SMTP", "mail.example.vn"),
        ("VONGLAU_SMTP", "http://mail.example.vn"),
        ("VONGLAU_ORIGIN", "ioc.example.vn"),
        ("VONGLAU_LOG", "loud"),
    ],
)
def test_what_cannot_be_used_is_refused_with_advice(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, text)
    shown = name if OPTIONS[name].secret else f"{name}='{text}'"
    with pytest.raises(BadInput, match=f"{shown} cannot be used: give "):
        value(name)


@pytest.mark.parametrize(
    "text", ["mysql://u:hunter2@h/d", "postgresql://u:hunter2@h", "postgresql://u:hunter2@[h/d", "hunter2"]
)
def test_a_password_never_stands_in_an_error(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VONGLAU_DATABASE", text)
    for ask in (lambda: value("VONGLAU_DATABASE"), lambda: database_of(tmp_path)):
        with pytest.raises(BadInput, match="VONGLAU_DATABASE") as raised:
            ask()
        told = "".join(traceback.format_exception(raised.value))
        assert "hunter2" not in told


def test_values_have_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VONGLAU_HOSTS", "a.example, b.example,")
    monkeypatch.setenv("VONGLAU_ORIGIN", "https://ioc.example.vn/")
    monkeypatch.setenv("VONGLAU_STREAMS", "5")
    assert value("VONGLAU_HOSTS") == ["a.example", "b.example"]
    assert value("VONGLAU_ORIGIN") == "https://ioc.example.vn"
    assert value("VONGLAU_STREAMS") == 5
