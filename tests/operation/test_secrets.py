"""Secrets lie outside the database, an old folder is taken over, and a rotation is one command."""

import json
from pathlib import Path

from tests.serving import new_city, ran, serving, vonglau


def test_a_folder_of_an_earlier_release_is_taken_over_and_serves(tmp_path: Path) -> None:
    data = new_city(tmp_path / "data")
    secrets = data / "secrets"
    for name in ("secret.key", "door.token"):
        (secrets / name).rename(data / name)
    kept = (data / "door.token").read_text()
    with serving(data):
        assert (secrets / "door.token").read_text() == kept
        assert not (data / "secret.key").exists()
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o600}


def test_rotation_and_loose_rights_are_told(tmp_path: Path) -> None:
    data = new_city(tmp_path / "data")
    before = json.loads(ran("secrets", "status", "--data", data, "--json"))
    assert len(before["keys"]) == 1
    done = json.loads(ran("secrets", "rotate", "--data", data, "--json"))
    assert done["keys"] == [done["key"], *before["keys"]]
    assert json.loads(ran("secrets", "rotate", "--drop-old", "--data", data, "--json"))["keys"] != done["keys"]
    (data / "secrets" / "vault.keys").chmod(0o644)
    said = vonglau("secrets", "status", "--data", data)
    assert said.returncode != 0
    assert "chmod 0600" in said.stderr
