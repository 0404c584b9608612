"""A city on PostgreSQL: both schemas of one instant in the backup, a restore into a database of its own, none over something."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.serving import VONGLAU, environment

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(postgres.binaries() is None, reason="no PostgreSQL here: `apt-get install postgresql`"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.server(**postgres.FAST) as started:
        yield started


def run(url: str, *arguments: str | Path, path: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*VONGLAU, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        env={**environment(), "VONGLAU_DATABASE": url, **({"PATH": path} if path else {})},
        check=False,
    )


def said(url: str, *arguments: str | Path) -> dict[str, Any]:
    done = run(url, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    body: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return body


def wards(url: str) -> int:
    with psycopg.connect(url) as db:
        row = db.execute("SELECT count(*) FROM vonglau_state.core_ward").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
def city(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Address and data folder."""
    url, data = server.url("backup_first"), tmp_path_factory.mktemp("postgresql") / "city"
    said(url, "init", "--data", data, "--locality", "48")
    return url, data


def test_it_is_backed_up_and_restored_into_a_database_of_its_own(
    city: tuple[str, Path], server: postgres.Server, tmp_path: Path
) -> None:
    (first, data), second = city, server.url("backup_second")
    folder, fresh = tmp_path / "backups", tmp_path / "restored"
    assert said(first, "backup", folder, "--data", data)["engine"] == "postgresql"

    refused = run(first, "restore", folder, tmp_path / "over")
    assert refused.returncode == 2
    assert "nothing is ever restored over something" in refused.stderr
    assert not (tmp_path / "over").exists()

    restored = said(second, "restore", folder, fresh)
    assert restored["check"]["findings"] == []
    assert said(second, "check", "--data", fresh)["findings"] == []
    assert restored["reconciled"]["stopped"] == {}
    assert wards(second) == wards(first) > 3000
    assert not list(fresh.glob("*.dump"))

    without = run("", "restore", folder, tmp_path / "files")
    assert without.returncode == 2
    assert "VONGLAU_DATABASE" in without.stderr


def test_without_the_client_programs_it_says_what_to_install(city: tuple[str, Path], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = run(city[0], "backup", tmp_path / "backups", "--data", city[1], path=str(tmp_path / "bin"))
    assert done.returncode == 2
    assert "postgresql-client" in done.stderr
    assert not list((tmp_path / "backups" / "snapshots").glob("*"))
