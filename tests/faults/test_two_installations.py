"""A second installation on what one holds already: refused, and told who holds it; the first is unharmed."""

import re
import socket
from pathlib import Path

import pytest

from tests import engines
from tests.faults.clusters import Cluster
from tests.faults.events import batch, post
from tests.serving import Serving, free_port, new_city, ran, serving, token, vonglau

SINCE = r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def _refused(*arguments: str | Path) -> str:
    done = vonglau(*arguments)
    assert done.returncode != 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def _names(said: str, pid: int) -> None:
    """Who it is, where, since when."""
    assert f"process {pid} of host {socket.gethostname()[:64]}" in said, said
    assert re.search(SINCE, said), said


def _works(server: Serving, key: str, number: int) -> None:
    assert server.process.poll() is None
    status, _headers, said = post(server, key, batch([f"works-{number}"]))
    assert (status, said["accepted"]) == (202, 1)
    assert server.request("GET", "/readyz")[0] == 200


def test_one_data_folder(tmp_path: Path) -> None:
    if engines.POSTGRESQL:
        pytest.skip("a folder is held in the same way on both engines; the databases are below")
    data = new_city(tmp_path / "city")
    key, kept = token(data), tmp_path / "kept"
    ran("backup", kept, "--data", data)
    with serving(data) as server:
        _names(_refused("serve", "--data", data, "--port", str(free_port())), server.process.pid)
        _works(server, key, 1)
        restored = _refused("restore", kept, data)
        assert "nothing is ever restored over something" in restored
        _names(restored, server.process.pid)
        _names(_refused("upgrade", "--data", data, "--no-backup"), server.process.pid)
        _works(server, key, 2)
    assert vonglau("upgrade", "--data", data, "--no-backup").returncode == 0, "who has ended holds nothing"
    ran("check", "--data", data)


def test_two_folders_on_one_database(cluster: Cluster, tmp_path: Path) -> None:
    first = cluster.city(tmp_path / "first")
    second = cluster.beside(first, tmp_path / "second")
    key = token(first)
    with serving(first) as server:
        for asked in (
            ("serve", "--data", second, "--port", str(free_port())),
            ("upgrade", "--data", second, "--no-backup"),
        ):
            said = _refused(*asked)
            holder = re.search(r"vonglau door (\S+) pid (\d+)", said)
            assert holder is not None, said
            assert holder[1] == socket.gethostname()[:32]
            assert int(holder[2]) in server.children()
            assert re.search(SINCE, said), said
        _works(server, key, 1)
        _names(_refused("serve", "--data", first, "--port", str(free_port())), server.process.pid)
        _works(server, key, 2)
    with serving(second) as server:  # the door has ended: its place is free
        _works(server, key, 3)
    ran("check", "--data", first)
