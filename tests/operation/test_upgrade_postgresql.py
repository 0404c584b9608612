"""A city whose log in PostgreSQL has an earlier layout: refused until `upgrade`, whole afterwards."""

from pathlib import Path

import pytest

from tests import engines
from tests.serving import new_city, ran, vonglau
from vonglau.engines import open_reader, open_writer
from vonglau.engines.embedded.tests.helpers import events

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not engines.POSTGRESQL, reason="of files: tests/upgrades"),
]


def test_it_is_refused_until_it_was_upgraded(tmp_path: Path) -> None:
    data = new_city(tmp_path / "city")
    log = open_writer(data)
    log.append(events(0, 10))
    log.close()
    engines.change(data, "log", ["DROP TABLE hash_run", "UPDATE setting SET number = 1 WHERE name = 'version'"])
    refused = vonglau("serve", "--data", data)
    assert refused.returncode == 1
    assert "vonglau upgrade" in refused.stderr
    assert vonglau("upgrade", "--data", data, "--needed").returncode == 3
    said = ran("upgrade", "--data", data, "--backup", tmp_path / "backups")
    assert "1 steps" in said
    assert vonglau("upgrade", "--data", data, "--needed").returncode == 0
    ran("check", "--data", data)
    reader = open_reader(data)
    assert len(reader.read(0, 100)[0]) == 10
    reader.close()
