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
    assert json.loads(ran("secrets", "rotate", "--go-on", "--data", data, "--json"))["keys"] == done["keys"]
    assert json.loads(ran("secrets", "rotate", "--drop-old", "--data", data, "--json"))["keys"] != done["keys"]
    (data / "secrets" / "vault.keys").chmod(0o644)
    said = vonglau("secrets", "status", "--data", data)
    assert said.returncode != 0
    assert "chmod 0600" in said.stderr


def test_a_lost_ring_is_named_and_begun_anew_only_when_told(tmp_path: Path) -> None:
    data = new_city(tmp_path / "data")
    ring = data / "secrets" / "vault.keys"
    ran("webhook", "add", "a", "https://hooks.example/a", "--data", data)
    kept = ring.read_text()
    refused = vonglau("secrets", "begin", "--keys-are-lost", "--data", data)
    assert refused.returncode != 0, "nothing is lost"
    ring.unlink()
    for asked in (("secrets", "status"), ("webhook", "add", "b", "https://hooks.example/b")):
        said = vonglau(*asked, "--data", data)
        assert said.returncode != 0
        assert "vault.keys is missing, but core.endpoint.secret was sealed with the key" in said.stderr
        assert not ring.exists()
    assert vonglau("secrets", "begin", "--data", data).returncode == 2, "it must be said that they are lost"
    assert json.loads(ran("secrets", "begin", "--keys-are-lost", "--data", data, "--json"))["unreadable"] == {
        "core.endpoint.secret": 1
    }
    assert ring.read_text() != kept
    ran("webhook", "add", "b", "https://hooks.example/b", "--data", data)
    assert json.loads(ran("secrets", "rotate", "--data", data, "--json"))["unreadable"] == 1
    assert vonglau("secrets", "status", "--data", data).returncode == 1
