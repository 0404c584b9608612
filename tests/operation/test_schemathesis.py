"""The API against its own OpenAPI document: what a tool makes up by it, right and wrong, gets only answers that stand in it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Serving, new_city, ran, serving
from vonglau.core.people.policy import SCOPES

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
TOOL = Path(sys.executable).with_name("st")
REPORT = {"service_code": "street_light", "lat": "16.0605", "long": "108.2205", "description": "Đèn tắt"}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, str, str]]:
    """A city with one incident, one quarantined item and one webhook; a token that may do everything; the incident's reference."""
    data = new_city(tmp_path_factory.mktemp("schemathesis") / "city")
    said = ran("token", "create", "all", "--scope", ",".join(SCOPES), "--rate", "1000000", "--data", data)
    token = said.strip().splitlines()[-1]
    with serving(data) as server:
        filed = "&".join(f"{name}={value}" for name, value in REPORT.items()).encode("ascii", "xmlcharrefreplace")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert server.request("POST", "/open311/v2/requests.json", filed, token, form)[0] == 200
        event = {"Content-Type": "application/cloudevents+json"}
        assert server.request("POST", "/api/events", {"specversion": "2.0"}, token, event)[2]["quarantined"]
        hook = {"name": "x", "url": "https://receiver.example/", "types": ["vn.vonglau.incident.*"]}
        assert server.request("POST", "/api/webhooks", hook, token)[0] == 201
        [incident] = server.request("GET", "/api/incidents", token=token)[2]["items"]
        yield server, token, incident["ref"]


def found(server: Serving, token: str, configuration: Path, *arguments: str) -> dict[str, Any]:
    """What the tool says of a whole run."""
    said = configuration.parent / "said.json"
    done = subprocess.run(
        [
            *(TOOL, "--config-file", configuration, "run", f"{server.url}/api/openapi.json", "--no-color"),
            *("--report-json-path", said, *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=configuration.parent,  # where it keeps what it learned
        env={**os.environ, "VONGLAU_TEST_TOKEN": token},
        check=False,
    )
    shown = "\n".join(line[:1000] for line in done.stdout.splitlines())  # a batch may be long
    assert done.returncode == 0, f"{shown}\n{done.stderr[-2000:]}"
    report: dict[str, Any] = json.loads(said.read_text(encoding="utf-8"))
    return report


def copied(folder: Path, **parameters: str) -> Path:
    """The configuration, with these arguments always the same."""
    fixed = ", ".join(f'"path.{name}" = {json.dumps(value)}' for name, value in parameters.items())
    first = f"parameters = {{ {fixed} }}\n" if fixed else ""
    made = folder / CONFIGURATION.name
    made.write_text(first + CONFIGURATION.read_text(encoding="utf-8"), encoding="utf-8")
    return made


def test_nothing_is_found_with_a_token_of_every_scope(key: tuple[Serving, str, str], tmp_path: Path) -> None:
    server, token, _ref = key
    found(server, token, copied(tmp_path))


def test_nothing_is_found_where_what_is_named_exists(key: tuple[Serving, str, str], tmp_path: Path) -> None:
    server, token, ref = key
    configuration = copied(tmp_path, ref=ref, id="1", code="handled_on_time")
    found(server, token, configuration, "--phases", "fuzzing", "--include-path-regex", r"\{")


def test_nothing_is_found_without_a_token(key: tuple[Serving, str, str], tmp_path: Path) -> None:
    server, _token, _ref = key
    found(server, "nobody's", copied(tmp_path), "--phases", "fuzzing")
