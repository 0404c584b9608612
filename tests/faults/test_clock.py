"""The machine's clock is set wrong and right again while the city is served: nobody falls silent, nothing comes from the future.

Only the wall's time is faked, as when a clock is set; what counts the seconds since the machine started goes on (`shim.c`).
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.events import batch, log_of, post
from tests.faults.shim import Shim
from tests.serving import Serving, new_city, serving, token, vonglau
from vonglau.engines import open_reader

SCOPES = "events:write,read,reports:write,incidents:write"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_a_clock_that_jumps_and_comes_back(tmp_path: Path, shim: Shim) -> None:
    data = new_city(tmp_path / "city")
    key = token(data, SCOPES)
    with serving(data) as server:
        _takes_what_happens_now(server, key, "right")
        for name, jump in (("back", -3_600), ("forward", 86_400)):
            shim.clock(jump)
            time.sleep(0.5)
            _takes_what_happens_now(server, key, name)
            _refuses_what_is_of_the_future(server, key, name)
            server.wait_ready(30)
            shim.clock(0)
            time.sleep(0.5)
            _takes_what_happens_now(server, key, f"{name}-over")
            server.wait_ready(30)
        assert server.request("GET", "/api/incidents?limit=1", None, key)[0] == 200, "the token is still one"
        time.sleep(1)
        words = log_of(data)
    _nothing_came_of_it(data)
    assert words.count("the machine's clock jumped by") >= 2
    assert "is back where it was" in words
    assert "Traceback" not in words, words[-4000:]
    checked = vonglau("check", "--data", data)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _takes_what_happens_now(server: Serving, key: str, name: str) -> None:
    status, _headers, said = post(server, key, batch([f"{name}-{n}" for n in range(20)], _now()))
    assert (status, said["accepted"], said["quarantined"]) == (202, 20, []), (name, said)


def _refuses_what_is_of_the_future(server: Serving, key: str, name: str) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    status, _headers, said = post(server, key, batch([f"{name}-future"], later))
    assert (status, len(said["quarantined"])) == (202, 1), (name, said)


def _nothing_came_of_it(data: Path) -> None:
    reader, after, recorded = open_reader(data), 0, []
    ticks = []
    while True:
        rows, cursor = reader.read(after, 1_000)
        recorded += [row.recorded_us for row in rows]
        ticks += [row.event.time_us / 1e6 for row in rows if row.event.source == "/vonglau/clock"]
        if cursor is None:
            break
        after = cursor
    reader.close()
    assert recorded == sorted(recorded), "when something was recorded never goes back"
    now = time.time()
    assert len(ticks) < 20, "time passes once a minute"
    assert all(abs(now - tick) < 900 for tick in ticks), "no tick of a time that never was"
