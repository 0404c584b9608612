"""Reports move: out of a served city over Open311 into a recording, and everything of it into an empty installation."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.serving import new_city, ran, serving, token
from vonglau.core.facts import data_path

pytestmark = pytest.mark.timeout(600)

WORDS = "Đèn tắt trước cổng chợ, gọi 0905 123 456"


def told(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran(*words, "--json").strip().splitlines()[-1])
    return found


def test_a_city_is_read_by_another_and_moves_whole(tmp_path: Path) -> None:
    city = new_city(tmp_path / "city")
    key = token(city, "reports:write")
    with serving(city) as server:
        for n in range(3):
            form = {"service_code": "street_light", "lat": f"16.06{n}", "long": "108.2205", "description": WORDS}
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            status, _headers, _body = server.request(
                "POST", "/open311/v2/requests.json", urlencode(form).encode(), token=key, headers=kind
            )
            assert status in (200, 201)
        since = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        words = ("load", "open311", f"{server.url}/open311/v2", "--mapping", data_path("mappings", "open311.yaml"), "--world", "other", "--since", since, "--data", city)  # fmt: skip
        dry, wet, again = told(*words, "--dry-run"), told(*words), told(*words)
        assert dry["categories"] == {"street_light": {"rows": 3, "becomes": "street_light"}}
        assert not list((city / "imports").iterdir()), "words as written do not stay behind"
        assert (dry["loaded"], wet["loaded"], again["loaded"], again["already"]) == (3, 3, 0, 3)

    out = tmp_path / "out"
    assert told("reports", "export", out, "--personal", "--data", city)["rows"]["field_reports.report"] == 3
    fresh = new_city(tmp_path / "fresh")
    assert told("reports", "import", out, "--data", fresh)["field_reports.content"] == 3
    assert told("check", "--data", fresh)["findings"] == []
    with serving(fresh) as server:
        _status, _headers, body = server.request("GET", "/open311/v2/requests.json")
        assert len(body) == 3
