"""Accounts by command: invited, moved, shut out, and the last administrator kept."""

import json
from pathlib import Path

from tests.serving import new_city, ran, vonglau


def test_people_by_command(tmp_path: Path) -> None:
    data = new_city(tmp_path / "data")
    path = ran(
        "user", "invite", "quan.tri", "--role", "administrator", "--name", "Trần Thị Quản Trị", "--data", data
    ).strip()
    assert path.startswith("/accounts/invitation/")
    refused = vonglau("user", "deactivate", "quan.tri", "--data", data)
    assert refused.returncode == 2
    assert "last administrator" in refused.stderr
    ran("user", "invite", "thu.hai", "--role", "operator", "--data", data)
    ran("user", "role", "thu.hai", "administrator", "--data", data)
    refused = vonglau("user", "deactivate", "quan.tri", "--data", data)
    assert refused.returncode == 2, "who was only invited may never come"
    ran("user", "create", "thu.ba", "--role", "administrator", "--data", data, stdin="gà gáy sáng bên sông Hàn\n")
    ran("user", "deactivate", "quan.tri", "--data", data)
    for command in ("unlock", "reset-factor", "sign-out"):
        ran("user", command, "thu.hai", "--data", data)
    assert vonglau("user", "role", "thu.hai", "agency", "--data", data).returncode == 2
    assert vonglau("user", "deactivate", "thu.ba", "--data", data).returncode == 2
    rows = {one["username"]: one for one in json.loads(ran("user", "list", "--data", data, "--json"))["items"]}
    assert (rows["quan.tri"]["active"], rows["thu.hai"]["role"]) == (False, "administrator")
    ran("check", "--data", data)
