"""A benchmark's series streamed through a running server: the alerts it raises are those that the same fold gives for the file.

Each series goes into a recording world of its own, whose clock follows its events, with the source, subject and time zone that
`vonglau detect traffic` uses, so that identities agree. The shipped series always makes the journey, the others where the
reference data are beside the checkout.
"""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.serving import Serving, new_city, ran, serving, token
from vonglau.core.facts import data_path
from vonglau.engines import open_reader
from vonglau.services.traffic.offline import quantity_of, read_csv
from vonglau.services.traffic.payloads import EVENT_TYPE
from vonglau.services.traffic.scoring import Series, nearest_record, read_windows, score_detections, score_nab

ROOT = Path(__file__).parents[2]
SHIPPED = data_path("traffic", "nab")
ZONE = "Asia/Ho_Chi_Minh"
SAMPLE = "speed_7578"
OTHERS = ("TravelTime_387", "occupancy_6005", "speed_6005")

Alerts = list[dict[str, Any]]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(new_city(tmp_path_factory.mktemp("nab") / "city")) as server:
        yield server


def recording(path: Path, folder: Path) -> tuple[Path, int]:
    """The file as JSON lines of CloudEvents: its local times are taken as the city's. Returns also how many there are."""
    name = path.stem
    lines = [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"{name}-{row.line}",
                "source": f"file:{name}",
                "type": EVENT_TYPE,
                "subject": name,
                "time": row.time.replace(tzinfo=ZoneInfo(ZONE)).isoformat(),
                "data": {"quantity": quantity_of(name), "value": row.value},
            }
        )
        for row in read_csv(path)
    ]
    written = folder / f"{name}.jsonl"
    written.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written, len(lines)


def measured(server: Serving, name: str) -> float:
    """A figure of /metrics, summed over processes; −1 while there is none."""
    _, _, body = server.request("GET", "/metrics")
    found = [line.split() for line in body.decode().splitlines() if line.startswith(name)]
    return sum(float(value) for _, value in found) if found else -1.0


def until_folded(server: Serving) -> None:
    """The detectors have seen the whole log, its ticks included: figures are written once a second, the log's head is read."""
    reader, until = open_reader(server.data), time.monotonic() + 60
    while measured(server, "vonglau_detector_events") < reader.head():
        assert time.monotonic() < until, "the detectors do not catch up"
        time.sleep(0.2)
    reader.close()


def alerts_of(server: Serving, key: str, world: str) -> Alerts:
    """All pages of GET /api/alerts."""
    found: Alerts = []
    after: str | None = ""
    while after is not None:
        query = f"/api/alerts?world={world}&limit=3" + (f"&after={after}" if after else "")
        status, _, body = server.request("GET", query, token=key)
        assert status == 200, body
        found += body["items"]
        after = body["next"]
    return found


def streamed(server: Serving, path: Path, folder: Path, prefix: str) -> Alerts:
    """What the server says about a file, as a user would ask it: a token, `replay`, the API."""
    world = f"{prefix}-{path.stem.lower().replace('_', '-')}"
    key = token(server.data, world=world, name=path.stem)
    file, count = recording(path, folder)
    assert replayed(server, key, file, world) == (count, 0, 0, 0)
    until_folded(server)
    alerts = alerts_of(server, key, world)
    assert replayed(server, key, file, world) == (0, count, 0, 0)
    assert alerts_of(server, key, world) == alerts, "sent twice, stored once"
    return alerts


def replayed(server: Serving, key: str, file: Path, world: str) -> tuple[int, int, int, int]:
    said = ran("replay", file, "--to", server.url, "--token", key, "--speed", "max", "--world", world, "--json")
    counts = json.loads(said.splitlines()[-1])
    return counts["accepted"], counts["duplicates"], counts["quarantined"], counts["failed"]


def from_file(path: Path, folder: Path) -> Alerts:
    """What `vonglau detect traffic` says about it."""
    out = folder / f"{path.stem}.alerts.jsonl"
    ran("detect", "traffic", path, "--out", out, "--zone", ZONE)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def moment(text: str | None) -> datetime | None:
    """As UTC; what has no zone is the city's time."""
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(ZONE))).astimezone(UTC)


def essence(alerts: Alerts) -> dict[str, tuple[Any, ...]]:
    """By identity: what an alert says, apart from when it was said last and which log its evidence lies in."""
    return {
        one["identity"]: (
            one["kind"],
            one["severity"],
            one["certainty"],
            one["subject"],
            moment(one["onset"]),
            moment(one["ended"]),
            one["facts"],
        )
        for one in alerts
        if one["kind"] != "sensor_silent"
    }


def silences(alerts: Alerts) -> set[tuple[Any, ...]]:
    """Heard too: the recording's clock passes between its events, however fast they are sent."""
    return {
        (one["identity"], one["subject"], moment(one["onset"]), moment(one["ended"]))
        for one in alerts
        if one["kind"] == "sensor_silent"
    }


def scored(paths: Sequence[Path], alerts: Sequence[Alerts], windows: Path) -> dict[str, Any]:
    """The server's alerts against the labelled windows."""
    labels = read_windows(windows)
    results = []
    for path, found in zip(paths, alerts, strict=True):
        series = Series(path.name, [row.time for row in read_csv(path)], labels[path.name])
        raised = [moment(one["facts"]["raised"]) for one in found if one["kind"] != "sensor_silent"]
        local = [at.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None) for at in raised if at is not None]
        results.append((series, [nearest_record(series.times, at) for at in local]))
    return score_detections(results)


def test_the_shipped_series_gives_the_same_alerts_through_a_server_as_from_the_file(
    city: Serving, tmp_path: Path
) -> None:
    path = SHIPPED / f"{SAMPLE}.csv"
    online, offline = streamed(city, path, tmp_path, "sample"), from_file(path, tmp_path)
    assert len(essence(offline)) >= 5
    assert essence(online) == essence(offline)
    assert silences(online) == silences(offline)
    score = scored([path], [online], SHIPPED / "windows.json")
    assert score == score_nab(SHIPPED, SHIPPED / "windows.json")["all"]
    assert (score["windows_found"], score["windows"]) == (4, 4)
    assert f"| {SAMPLE} | 4 of 4 | {score['alerts']} | {score['alerts_inside']} |" in published()


@pytest.mark.shared_data
def test_the_benchmark_streamed_through_a_server_scores_as_published(
    city: Serving, shared: Path, tmp_path: Path
) -> None:
    folder = shared / "traffic" / "nab_real_traffic"
    paths = [folder / f"{name}.csv" for name in (SAMPLE, *OTHERS)]
    online = [streamed(city, path, tmp_path, "nab") for path in paths]
    for path, found in zip(paths, online, strict=True):
        offline = from_file(path, tmp_path)
        assert essence(found) == essence(offline), path.stem
        assert silences(found) == silences(offline), path.stem
    score = scored(paths, online, folder / "combined_windows.json")
    assert score == score_nab(folder, folder / "combined_windows.json")["all"]
    nab = score["nab"]
    row = f"| Vọng Lâu | {nab['standard']:.1f} | {nab['reward_low_FP_rate']:.1f} | {nab['reward_low_FN_rate']:.1f} "
    assert f"{row}| {score['windows_found']} of {score['windows']} |" in published()


def published() -> str:
    return (ROOT / "docs" / "reference" / "nab.md").read_text(encoding="utf-8")
