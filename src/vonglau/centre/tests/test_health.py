"""The health page: every line is good, or says what to do; who may see how much of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import translation

from vonglau.centre.administration.health import lines, seen
from vonglau.centre.administration.health.lines import Level, Line, sections
from vonglau.centre.administration.health.seen import Disk, Process, Record, Seen
from vonglau.kit import boards
from vonglau.kit.metrics import Numbers

GB = 10**9


def process(name: str, **more: Any) -> Process:
    plain = Process(name, name.rstrip("123"), "ioc-a", 7, True, 0.5, 90_000.0, 0, 80_000_000, "0.1.0", 0.0, False)
    return replace(plain, **more)


WELL = Seen(
    processes=tuple(process(name) for name in ("door", "supervisor", "web1", "worker")),
    figures={
        "vonglau_detector_lag_seconds": 0.2,
        "vonglau_tail_rows": 400_000,
        "vonglau_commit_recent_seconds": 0.002,
        "vonglau_queue_items": 3,
        "vonglau_publications_pending": 0,
    },
    events_per_second=1234.4,
    disks=(Disk("data", 80 * GB, 100 * GB),),
    checkpoint_age=20.0,
    check=Record(86_400.0, True, "ok"),
    backup=Record(3600.0, True, "ok"),
)


@pytest.fixture(autouse=True)
def _vietnamese() -> Any:
    with translation.override("vi"):
        yield


def raised(found: Seen) -> list[Line]:
    return [line for section in sections(found) for line in section.lines if line.level]


def test_when_all_is_well_no_line_asks_for_anything() -> None:
    assert raised(WELL) == []
    values = {line.title: line.value for section in sections(WELL) for line in section.lines}
    assert values["Tiếp nhận sự kiện"] == "1.234 sự kiện/giây"
    assert values["Ghi bền xuống đĩa"] == "2,0 ms trung bình gần đây"
    assert values["Sao lưu gần nhất"] == "60 phút trước"


def without(role: str) -> tuple[Process, ...]:
    return tuple(one for one in WELL.processes if one.role != role)


def figures(**more: float) -> dict[str, float]:
    return {**WELL.figures, **{f"vonglau_{key}".replace("__", "/"): value for key, value in more.items()}}


@pytest.mark.parametrize(
    ("changed", "title", "level"),
    [
        ({"processes": without("door")}, "Tiếp nhận sự kiện", Level.BAD),
        ({"processes": without("web")}, "Trang web", Level.BAD),
        ({"processes": without("worker")}, "Xử lý sự kiện", Level.BAD),
        ({"processes": (*without("worker"), process("worker", stands_by=True))}, "Xử lý sự kiện", Level.BAD),
        ({"figures": figures(commit_recent_seconds=0.09)}, "Ghi bền xuống đĩa", Level.WARN),
        ({"figures": figures(commit_recent_seconds=1.5)}, "Ghi bền xuống đĩa", Level.BAD),
        ({"figures": figures(queue_items=9_000)}, "Chờ ghi", Level.WARN),
        ({"figures": figures(detector_lag_seconds=6)}, "Độ trễ xử lý", Level.WARN),
        ({"figures": figures(detector_lag_seconds=600)}, "Độ trễ xử lý", Level.BAD),
        ({"stops": (("traffic.anomaly", "live"),)}, "Bộ phát hiện bị dừng", Level.BAD),
        ({"figures": figures(tail_rows=4e6)}, "Chưa niêm phong", Level.WARN),
        ({"disks": (Disk("data", 10 * GB, 100 * GB),)}, "Đĩa dữ liệu", Level.WARN),
        ({"disks": (Disk("history", 2 * GB, 100 * GB),)}, "Đĩa lịch sử", Level.BAD),
        ({"figures": figures(notices__pending=2_000)}, "Thông báo chờ gửi", Level.WARN),
        ({"figures": figures(notices__failed=1)}, "Thông báo không giao được", Level.WARN),
        ({"figures": figures(publications_pending=5_000)}, "Sự kiện chờ phát hành", Level.WARN),
        ({"backup": None}, "Sao lưu gần nhất", Level.WARN),
        ({"backup": Record(200_000.0, True, "")}, "Sao lưu gần nhất", Level.WARN),
        ({"backup": Record(60.0, False, "Hết chỗ")}, "Sao lưu gần nhất", Level.BAD),
        ({"check": Record(60.0, False, "2")}, "Kiểm tra toàn vẹn gần nhất", Level.BAD),
        ({"damages": ("log.db-wal",)}, "Tệp bị hỏng đã phát hiện", Level.WARN),
        ({"checkpoint_age": 4000.0}, "Điểm neo nhật ký kiểm toán", Level.WARN),
        ({"processes": (*WELL.processes, process("web2", version="0.0.9"))}, "Phiên bản", Level.WARN),
        ({"processes": (*WELL.processes, process("web2", host="ioc-b", skew=-3.0))}, "Đồng hồ các máy", Level.WARN),
        ({"processes": (*WELL.processes, process("web2", host="ioc-b", skew=45.0))}, "Đồng hồ các máy", Level.BAD),
    ],
)
def test_what_is_not_well_is_named_with_what_to_do(changed: dict[str, Any], title: str, level: Level) -> None:
    (line,) = raised(replace(WELL, **changed))
    assert (line.title, line.level) == (title, level)
    assert len(line.do) > 20


def test_an_installation_without_figures_yet_is_no_error() -> None:
    assert {line.level for line in raised(Seen())} == {Level.WARN, Level.BAD}
    assert lines.size(1_500_000_000_000) == "1,5 TB"
    assert lines.span(300_000) == "3 ngày"


@pytest.mark.django_db
def test_it_sees_what_the_processes_put_on_the_board(tmp_path: Path, settings: Any, monkeypatch: Any) -> None:
    settings.VONGLAU_DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    monkeypatch.setattr(boards, "of", boards.Files)  # of one machine, whichever engine this session runs on
    cache.clear()
    door, supervisor = Numbers("door", tmp_path), Numbers("supervisor", tmp_path)
    door.total("vonglau_events", 1000, outcome="accepted")
    supervisor.total("vonglau_process_restarts", 2, process="door")
    for numbers in (door, supervisor):
        numbers.write()
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "check.json").write_text(
        '{"at": "2026-11-20T00:00:00+00:00", "ok": true, "said": "<b>fine</b>"}'
    )
    (tmp_path / "run" / "backup.json").write_text('{"at": "soon", "ok": [')
    found = seen.look()
    assert {one.name: (one.up, one.restarts) for one in found.processes} == {
        "door": (True, 2),
        "supervisor": (True, 0),
    }
    assert found.events_per_second is None
    assert found.check is not None
    assert found.backup is None
    assert [disk.what for disk in found.disks] == ["data"]
    now = seen.time.time()
    door.total("vonglau_events", 3000, outcome="accepted")
    door.write()
    monkeypatch.setattr(seen.time, "time", lambda: now + 8)
    rate = seen.look().events_per_second
    assert rate == pytest.approx(250, rel=0.2)


@pytest.mark.parametrize(
    ("role", "status", "hosts"),
    [
        ("administrator", 200, True),
        ("supervisor", 200, True),
        ("leader", 200, False),
        ("operator", 403, False),
        ("agency", 403, False),
    ],
)
def test_who_sees_it_and_how_much(role: str, status: int, hosts: bool, sign_in: Any) -> None:
    client = sign_in(role, "so-xay-dung" if role == "agency" else "")
    answer = client.get("/administration/health/")
    assert answer.status_code == status
    assert (b"health-lines" in answer.content) is hosts
    if status == 200:
        assert b"health-now" in answer.content
        part = client.get("/administration/health/", headers={"HX-Request": "true"})
        assert b"<html" not in part.content
