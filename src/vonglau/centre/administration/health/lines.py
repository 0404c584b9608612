"""What was seen, judged: each line says whether it is as it should be, and what to do when it is not. Pure: no clock, no database."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vonglau.centre.administration.health.seen import Disk, Process, Record, Seen
from vonglau.kit.templatetags.kit import number as kit_number

LAG_WARN, LAG_BAD = 5.0, 60.0
"""Seconds between an event's receipt and its fold."""
COMMIT_WARN, COMMIT_BAD = 0.05, 1.0
"""Seconds an append takes, mean of the last ones."""
QUEUE_WARN = 5_000
TAIL_WARN = 3_000_000
"""Rows not sealed: three times what makes the door seal."""
FREE_WARN, FREE_BAD = 0.15, 0.05
"""Shares of a disk."""
BACKUP_WARN = 26 * 3600.0
"""A daily backup, and two hours for it to run."""
CHECK_WARN = 8 * 86_400.0
CHECKPOINT_WARN = 300.0
"""A checkpoint is taken every minute."""
PENDING_WARN = 1_000
SKEW_WARN, SKEW_BAD = 2.0, 30.0
"""Seconds. Requests between hosts are signed for a minute."""


class Level(IntEnum):
    """How a line stands; the page's banner takes the worst."""

    GOOD = 0
    WARN = 1
    BAD = 2

    @property
    def tag(self) -> str:
        return ("good", "warn", "bad")[self]

    @property
    def word(self) -> str:
        return (_("Bình thường"), _("Cần xem"), _("Hỏng"))[self]


@dataclass(frozen=True, slots=True)
class Line:
    """A thing, its figure, how it stands, and what to do where it does not stand well. `url_name`: the page that helps."""

    title: str
    value: str
    level: Level = Level.GOOD
    do: str = ""
    url_name: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together."""

    title: str
    lines: tuple[Line, ...]

    @property
    def level(self) -> Level:
        return max((line.level for line in self.lines), default=Level.GOOD)


def sections(seen: Seen) -> tuple[Section, ...]:
    return (
        Section(_("Tiếp nhận và trang"), tuple(_door(seen))),
        Section(_("Phát hiện"), tuple(_detection(seen))),
        Section(_("Lưu trữ"), tuple(_storage(seen))),
        Section(_("Gửi ra ngoài"), tuple(_outside(seen))),
        Section(_("Sao lưu và toàn vẹn"), tuple(_integrity(seen))),
        Section(_("Máy chủ và phiên bản"), tuple(_hosts(seen))),
    )


def graded(value: float, warn: float, bad: float = float("inf")) -> Level:
    """Good below `warn`, bad from `bad` on."""
    return Level.BAD if value >= bad else Level.WARN if value >= warn else Level.GOOD


def level_of(process: Process) -> Level:
    """A part that is silent has stopped; one that keeps being started again needs a look."""
    if not process.up:
        return Level.BAD
    return Level.WARN if process.restarts and process.running < 600 else Level.GOOD


def _alive(seen: Seen, role: str) -> list[Process]:
    return [one for one in seen.processes if one.role == role and one.up]


def _door(seen: Seen) -> Iterator[Line]:
    if not _alive(seen, "door"):
        do = _("Cửa nhận sự kiện không trả lời. Xem nhật ký của nó: journalctl -u vonglau.")
        yield Line(_("Tiếp nhận sự kiện"), _("không chạy"), Level.BAD, do)
    else:
        rate = seen.events_per_second
        said = "–" if rate is None else _("%(n)s sự kiện/giây") % {"n": number(rate)}
        yield Line(_("Tiếp nhận sự kiện"), said)
    mean = seen.figure("vonglau_commit_recent_seconds")
    if mean:
        do = _("Đĩa ghi chậm. Nhật ký sự kiện nên nằm trên SSD riêng.")
        said = _("%(n)s ms trung bình gần đây") % {"n": number(mean * 1000, 1)}
        yield _line(_("Ghi bền xuống đĩa"), said, graded(mean, COMMIT_WARN, COMMIT_BAD), do)
    waiting = seen.figure("vonglau_queue_items")
    if waiting is not None:
        do = _("Sự kiện đến nhanh hơn tốc độ ghi. Gửi theo lô, hoặc chuyển sang PostgreSQL trên máy mạnh hơn.")
        yield _line(_("Chờ ghi"), number(waiting), graded(waiting, QUEUE_WARN), do)
    pages = _alive(seen, "web")
    said = ngettext("%(n)s tiến trình", "%(n)s tiến trình", len(pages)) % {"n": len(pages)}
    do = _("Không tiến trình nào dựng được trang. Xem nhật ký: journalctl -u vonglau.")
    yield _line(_("Trang web"), said, Level.GOOD if pages else Level.BAD, do)
    clients = seen.figure("vonglau_stream_clients")
    if clients is not None:
        yield Line(_("Trình duyệt đang theo dõi trực tiếp"), number(clients))


def _detection(seen: Seen) -> Iterator[Line]:
    folding = [one for one in _alive(seen, "worker") if not one.stands_by]
    if not folding:
        do = _("Chưa có cảnh báo mới nào được tạo. Xem nhật ký của tiến trình xử lý: journalctl -u vonglau.")
        yield Line(_("Xử lý sự kiện"), _("không chạy"), Level.BAD, do)
    lag = seen.figure("vonglau_detector_lag_seconds")
    if lag is not None:
        behind = seen.figures.get("vonglau_detector_lag_events", 0)
        said = _("%(seconds)s giây, %(n)s sự kiện") % {"seconds": number(lag, 1), "n": number(behind)}
        do = _("Cảnh báo đến muộn chừng ấy. Nếu không giảm dần: máy quá tải, hoặc một bộ phát hiện quá chậm.")
        yield _line(_("Độ trễ xử lý"), said, graded(lag, LAG_WARN, LAG_BAD), do)
    names = ", ".join(sorted({f"{detector} ({world})" for detector, world in seen.stops}))
    do = _("Bộ phát hiện này ngừng báo. Xem vì sao và cho chạy tiếp: vonglau detector list.")
    level = Level.BAD if seen.stops else Level.GOOD
    yield _line(_("Bộ phát hiện bị dừng"), names or _("không có"), level, do, "centre:alerts")


def _storage(seen: Seen) -> Iterator[Line]:
    rows = seen.figure("vonglau_tail_rows")
    if rows is not None:
        age = seen.figures.get("vonglau_tail_age_seconds", 0.0)
        said = _("%(n)s sự kiện, cũ nhất %(age)s") % {"n": number(rows), "age": span(age)}
        do = _(
            "Phần chưa niêm phong lớn bất thường: việc niêm phong không chạy. Xem độ trễ xử lý và bộ phát hiện bị dừng."
        )
        yield _line(_("Chưa niêm phong"), said, graded(rows, TAIL_WARN), do)
    said = _("%(size)s trong %(n)s tệp") % {"size": size(seen.history_bytes), "n": number(seen.history_files)}
    yield Line(_("Lịch sử đã niêm phong"), said)
    for disk in seen.disks:
        yield _disk(disk)


def _disk(disk: Disk) -> Line:
    titles = {"data": _("Đĩa dữ liệu"), "files": _("Đĩa ảnh"), "history": _("Đĩa lịch sử")}
    share = disk.free / disk.total if disk.total else 0.0
    level = Level.BAD if share < FREE_BAD else Level.WARN if share < FREE_WARN else Level.GOOD
    said = _("còn %(free)s trên %(total)s (%(share)s%%)") % {
        "free": size(disk.free), "total": size(disk.total), "share": number(share * 100),
    }  # fmt: skip
    do = _(
        "Hết chỗ thì sự kiện mới bị từ chối (507) cho đến khi có chỗ. Dọn bản sao lưu cũ, hoặc chuyển lịch sử sang đĩa khác."
    )
    return _line(titles[disk.what], said, level, do)


def _outside(seen: Seen) -> Iterator[Line]:
    pending = seen.figures.get("vonglau_notices/pending", 0) + seen.figures.get("vonglau_notices/sending", 0)
    do = _("Thông báo dồn lại: xem kênh nào không trả lời.")
    yield _line(_("Thông báo chờ gửi"), number(pending), graded(pending, PENDING_WARN), do, "centre:admin_notices")
    failed = seen.figures.get("vonglau_notices/failed", 0)
    do = _("Những thông báo này không giao được và không tự gửi lại nữa. Xem lý do, sửa địa chỉ, rồi gửi lại.")
    yield _line(_("Thông báo không giao được"), number(failed), graded(failed, 1), do, "centre:admin_notices")
    waiting = seen.figure("vonglau_publications_pending")
    if waiting is not None:
        do = _("Việc phát hành lên nhật ký bị nghẽn: tiến trình xử lý không gặp được cửa. Xem nhật ký của nó.")
        yield _line(_("Sự kiện chờ phát hành"), number(waiting), graded(waiting, PENDING_WARN), do)


def _integrity(seen: Seen) -> Iterator[Line]:
    backup = _("Chạy vonglau backup mỗi ngày, ra một đĩa hoặc máy khác.")
    yield _record(_("Sao lưu gần nhất"), seen.backup, BACKUP_WARN, backup)
    check = _("Chạy vonglau check mỗi tuần; nó không làm chậm hệ thống.")
    yield _record(_("Kiểm tra toàn vẹn gần nhất"), seen.check, CHECK_WARN, check)
    if seen.damages:
        do = _("Chạy vonglau check để biết đã mất gì, kiểm tra đĩa, rồi chuyển các ghi chú ra khỏi thư mục damaged.")
        yield Line(_("Tệp bị hỏng đã phát hiện"), ", ".join(seen.damages), Level.WARN, do)
    if seen.checkpoint_age is None:
        yield Line(_("Điểm neo nhật ký kiểm toán"), _("chưa có"))
    else:
        do = _("Điểm neo được lấy mỗi phút. Tiến trình xử lý đang dừng hoặc không ghi được.")
        said = ago(seen.checkpoint_age)
        yield _line(_("Điểm neo nhật ký kiểm toán"), said, graded(seen.checkpoint_age, CHECKPOINT_WARN), do)


def _record(title: str, record: Record | None, old: float, do: str) -> Line:
    if record is None:
        return Line(title, _("chưa có"), Level.WARN, do)
    if not record.ok:
        return Line(title, f"{ago(record.age)}: {record.said}", Level.BAD, do)
    return _line(title, ago(record.age), graded(record.age, old), do)


def _hosts(seen: Seen) -> Iterator[Line]:
    up = [one for one in seen.processes if one.up]
    versions = sorted({one.version for one in up if one.version})
    do = _("Các phần chạy phiên bản khác nhau: khởi động lại những phần chưa nâng cấp.")
    level = Level.WARN if len(versions) > 1 else Level.GOOD
    yield _line(_("Phiên bản"), ", ".join(versions) or "–", level, do)
    hosts = sorted({one.host for one in up if one.host})
    yield Line(_("Máy chủ"), ", ".join(hosts) or "–")
    if len(hosts) > 1:
        worst = max(up, key=lambda one: abs(one.skew))
        do = _("Đồng hồ của máy này sai. Bật NTP: lệch quá một phút thì các máy không tin nhau nữa.")
        said = _("%(host)s lệch %(n)s giây") % {"host": worst.host, "n": number(worst.skew, 1)}
        yield _line(_("Đồng hồ các máy"), said, graded(abs(worst.skew), SKEW_WARN, SKEW_BAD), do)


def _line(title: str, value: str, level: Level, do: str, url_name: str = "") -> Line:
    """Advice is for what needs it."""
    return Line(title, value, level, do if level else "", url_name if level else "")


# how figures are said


def number(value: float, decimals: int = 0) -> str:
    return str(kit_number(value, decimals))


def size(amount: float) -> str:
    """Bytes in the largest unit that keeps the number above one."""
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{number(amount, 1 if unit == 'GB' else 0)} {unit}"
        amount /= 1000
    return f"{number(amount, 1)} TB"


def span(seconds: float) -> str:
    """A length of time in its largest unit."""
    if seconds < 90:
        return _("%(n)s giây") % {"n": number(seconds)}
    if seconds < 5400:
        return _("%(n)s phút") % {"n": number(seconds / 60)}
    if seconds < 172_800:
        return _("%(n)s giờ") % {"n": number(seconds / 3600)}
    return _("%(n)s ngày") % {"n": number(seconds / 86_400)}


def ago(seconds: float) -> str:
    return _("%(span)s trước") % {"span": span(seconds)}
