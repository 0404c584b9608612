"""The suite itself: it sees what a wrong server does wrong, names the section, and sends nothing to a server that gave it no key."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.open311.wrong_server import wrong_server

pytestmark = pytest.mark.ours

HERE = Path(__file__).parent


def asked(*arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("VONGLAU_", "PYTEST_", "DJANGO_"))
    }
    command = [sys.executable, "-m", "pytest", str(HERE), "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return subprocess.run(
        [*command, *arguments],
        cwd=HERE.parents[2],
        env=kept,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def outcomes(said: str) -> dict[str, str]:
    """Outcome by check, as pytest's summary tells it."""
    return {
        name: outcome
        for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR) \S*/(test_\w+\.py::\S+)", said, flags=re.MULTILINE)
    }


def test_a_wrong_server_is_seen_to_be_wrong() -> None:
    with wrong_server() as url:
        done = asked("--base-url", url, "--api-key", "any", "--point", "16.06,108.22")
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-1000:]
    told = outcomes(done.stdout)
    failed = {name for name, outcome in told.items() if outcome in ("FAILED", "ERROR")}
    for check in (
        "test_discovery.py::test_it_is_told_in_both_formats[xml]",
        "test_discovery.py::test_it_is_told_in_both_formats[json]",
        "test_services.py::test_the_content_type_is_that_of_the_format[xml]",
        "test_services.py::test_each_service_has_its_fields[json]",
        "test_services.py::test_an_unknown_service_code_is_404[json]",
        "test_services.py::test_an_unknown_jurisdiction_is_404[xml]",
        "test_requests.py::test_each_request_has_its_fields[json]",
        "test_requests.py::test_by_default_90_days_or_1000",
        "test_requests.py::test_status_filters[open]",
        "test_requests.py::test_one_request_is_a_list_of_one[json]",
        "test_requests.py::test_an_unknown_number_is_404[json]",
    ):
        assert check in failed, f"{check} did not fail: {told.get(check)}"
    sending = {name for name in told if name.startswith("test_submission.py")}
    assert sending
    assert sending <= failed
    assert "GET Service Requests" in done.stdout, "a failure names the section"


def test_without_a_key_nothing_is_sent() -> None:
    with wrong_server() as url:
        done = asked("--base-url", url)
    assert not [name for name in outcomes(done.stdout) if name.startswith("test_submission.py")]
    assert "POST /v2" not in done.stdout + done.stderr
    assert "a foreign server is only read" in done.stdout
