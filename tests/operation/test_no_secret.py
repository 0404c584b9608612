"""A data folder with every kind of secret in it shows none of them."""

import re
import sqlite3
from pathlib import Path

import requests

from tests.serving import new_city, ran, serving

PASSWORD = "gà gáy sáng bên sông Hàn"


def test_no_secret_can_be_read_in_the_database(tmp_path: Path) -> None:
    """Everything secret that is handed out is looked for in every byte of both files, whole and as text of a dump."""
    data = new_city(tmp_path / "data")
    ran("user", "create", "lan", "--role", "operator", "--data", data, stdin=PASSWORD + "\n")
    handed = [
        PASSWORD,
        ran("token", "create", "camera", "--scope", "events:write", "--data", data).strip().splitlines()[-1],
        ran("user", "invite", "minh", "--role", "operator", "--data", data).strip().split("/")[-2],
    ]
    with serving(data) as server:
        lan = requests.Session()
        page = lan.get(f"{server.url}/accounts/login/", timeout=30).text
        csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]  # type: ignore[index]
        form = {"login": "lan", "password": PASSWORD, "csrfmiddlewaretoken": csrf}
        lan.post(f"{server.url}/accounts/login/", form, headers={"Referer": server.url}, timeout=30)
        handed.append(lan.cookies["sessionid"])
        enrol = lan.get(f"{server.url}/accounts/2fa/totp/activate/", timeout=30).text
        handed.append(re.search(r'class="secret">([A-Z2-7]+)<', enrol)[1])  # type: ignore[index]
        lan.close()
    handed += [path.read_text().strip() for path in (data / "secrets").iterdir()]
    assert all(len(one) >= 20 for one in handed)
    stored = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file() and "secrets" not in path.parts)
    state = sqlite3.connect(data / "state.db")
    tables = [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = repr([state.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables])
    state.close()
    for one in handed:
        assert one.encode() not in stored, "a secret lies in the data folder"
        assert one not in rows
