"""What was sealed needs its keys: a restore without them is refused, with their passphrase it reads everything."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import environment, new_city, ran, vonglau

pytestmark = pytest.mark.timeout(900)

SEAL = """
import sys
from pathlib import Path
from vonglau.web.commands.base import configure
configure(Path(sys.argv[1]))
from django.utils import timezone
from vonglau.core.models import Endpoint
if sys.argv[2] == "write":
    Endpoint.objects.create(name="p", url="https://p.example", world="live", secret="whsec_x", created_by="t", created_at=timezone.now())
print(Endpoint.objects.get().secret)
"""


def sealing(data: Path, what: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SEAL, str(data), what],
        capture_output=True,
        text=True,
        env=environment(data),
        check=False,
    )


def secret(data: Path, what: str = "read") -> str:
    done = sealing(data, what)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_sealed_content_needs_its_keys(tmp_path: Path) -> None:
    data, folder, phrase = new_city(tmp_path / "city"), tmp_path / "backups", tmp_path / "phrase"
    secret(data, "write")
    phrase.write_text("correct horse battery staple")
    ran("backup", folder, "--data", data, "--with-secrets", "--passphrase-file", phrase)

    refused = vonglau("restore", folder, tmp_path / "none")
    assert refused.returncode == 2
    assert "core.endpoint.secret" in refused.stderr
    assert not (tmp_path / "none").exists()
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse battery staple")
    assert vonglau("restore", folder, tmp_path / "none", "--with-secrets", "--passphrase-file", wrong).returncode == 2

    ran("restore", folder, tmp_path / "opened", "--with-secrets", "--passphrase-file", phrase)
    assert secret(tmp_path / "opened") == "whsec_x"


def test_keys_come_from_a_folder_or_their_content_is_given_up(tmp_path: Path) -> None:
    data, folder = new_city(tmp_path / "city"), tmp_path / "backups"
    secret(data, "write")
    ran("backup", folder, "--data", data)
    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copy(data / "secrets" / "vault.keys", kept)

    stranger = new_city(tmp_path / "stranger")  # a copy, ring and all: it gets one of its own
    (stranger / "secrets" / "vault.keys").unlink()
    ran("secrets", "begin", "--keys-are-lost", "--data", stranger)
    for wrong in (["--keys", stranger / "secrets"], []):
        done = vonglau("restore", folder, tmp_path / "none", *wrong)
        assert done.returncode == 2
        assert "core.endpoint.secret" in done.stderr
        assert not (tmp_path / "none").exists()
    inside = vonglau("restore", folder, tmp_path / "none", "--with-secrets", stdin="")
    assert inside.returncode == 2, "no passphrase, and no keys in it"

    said = json.loads(ran("restore", folder, tmp_path / "opened", "--keys", kept, "--json").splitlines()[-1])
    assert said["lost_keys"] == []
    assert secret(tmp_path / "opened") == "whsec_x"

    done = vonglau("restore", folder, lost := tmp_path / "lost", "--without-keys")
    assert done.returncode == 0, done.stderr
    assert "cannot be read any more: core.endpoint.secret" in done.stdout
    assert "Locked" in sealing(lost, "read").stderr
    assert vonglau("check", "--data", lost).returncode == 0
