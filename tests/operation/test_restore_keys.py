"""What was sealed needs its keys: a restore without them is refused, with their passphrase it reads everything."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import engines
from tests.serving import environment, new_city, ran, vonglau

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(engines.POSTGRESQL, reason="restores into files"),
]

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


def secret(data: Path, what: str = "read") -> str:
    done = subprocess.run(
        [sys.executable, "-c", SEAL, str(data), what], capture_output=True, text=True, env=environment(), check=False
    )
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
