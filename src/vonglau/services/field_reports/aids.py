"""The automatic aids of field reports as the public register tells of them: what is installed now, what it was measured at, who decides.

Figures of what came along stand here with the command that repeats them (docs/reference/field-reports-measured.md); a model that an
installation trained carries its own.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache, partial
from importlib import resources
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from vonglau.core.facts import data_path
from vonglau.core.seams import Aid, Measured, Text
from vonglau.services.field_reports.options import PHOTO_MODEL
from vonglau.services.field_reports.suggesting import figures, installed

A_PERSON = _("Chỉ đề xuất. Người dân hoặc nhân viên tự chọn; không làm gì thì đề xuất không có hiệu lực.")
OBJECTION = _(
    "Chọn khác đi khi gửi: ý bạn được giữ. Về một phản ánh đã gửi, hãy viết cho trung tâm kèm mã phản ánh; "
    "nhân viên xem lại, không phải máy."
)
BOSTON = _("Phản ánh công khai của Boston năm 2017, không có trong dữ liệu đã học")


def aids() -> Sequence[Aid]:
    return (_duplicates(), _categories(), _photos())


@lru_cache(maxsize=8)
def _of_bytes(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path) -> str:
    """SHA-256 of a file, read again when it changes; "" when it is not there."""
    try:
        there = path.stat()
        return _of_bytes(path, there.st_mtime_ns, there.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _shipped_ranking() -> tuple[str, str]:
    """(until when it learned, SHA-256) of the ranking that came along."""
    from vonglau.services.field_reports.duplicates.model import shipped

    raw = resources.files("vonglau.services.field_reports.duplicates").joinpath("model.json").read_bytes()
    return shipped().about.get("until", ""), hashlib.sha256(raw).hexdigest()


def _duplicates() -> Aid:
    until, sha256 = _shipped_ranking()
    return Aid(
        code="field_reports.duplicates",
        title=_("Tìm phản ánh trùng"),
        purpose=_("Cho người đang viết và bàn trực thấy các phản ánh có thể nói về cùng một việc."),
        in_use=True,
        now=_("Một mô hình xếp hạng đi kèm phần mềm."),
        version=f"{until} · {sha256[:12]}",
        sha256=sha256,
        reads=_("Vị trí, thời điểm, lĩnh vực, lời văn đã che số điện thoại và biển số, có ảnh hay không."),
        learned_from=_("Các cặp phản ánh trùng do nhân viên thành phố Boston chỉ ra, cùng phản ánh công khai của họ."),
        learned_until=until,
        measured=(
            Measured(what=_("Bản gốc nằm trong năm đề xuất đầu, khi đang viết"), share=0.965, on=BOSTON),
            Measured(what=_("Bản gốc là đề xuất đầu tiên, khi đang viết"), share=0.747, on=BOSTON),
            Measured(what=_("Bản gốc nằm trong năm đề xuất đầu, tại bàn trực"), share=0.940, on=BOSTON),
            Measured(what=_("Bản gốc là đề xuất đầu tiên, tại bàn trực"), share=0.693, on=BOSTON),
        ),
        command="vonglau score duplicates ranked.csv labels.parquet --reports reports.parquet --after 2017-01-01",
        decides=_(
            "Người dân tự bấm để theo dõi chung; chỉ nhân viên gộp phản ánh. Không ai bấm thì không có gì được gộp."
        ),
        limits=(
            _("Chưa đo được trên phản ánh bằng tiếng Việt: chưa có dữ liệu công khai có nhãn."),
            _("Không biết bao nhiêu đề xuất là sai: nhân viên không ghi lại mọi bản trùng."),
        ),
        objection=OBJECTION,
    )


def _categories() -> Aid:
    learned = installed.model(Path(settings.VONGLAU_DATA))
    aid = partial(
        Aid,
        code="field_reports.categories",
        title=_("Gợi ý lĩnh vực"),
        purpose=_("Đề xuất lĩnh vực của phản ánh từ lời văn; im lặng khi không đủ chắc."),
        in_use=True,
        decides=A_PERSON,
        objection=OBJECTION,
    )
    if learned is None:
        keywords = data_path("categories", "field_reports.yaml")
        sha256 = digest(keywords)
        return aid(
            now=_("Từ khoá của từng lĩnh vực, do người soạn; không có mô hình."),
            version=sha256[:12],
            sha256=sha256,
            reads=_("Lời văn."),
            learned_from=_("Không học từ dữ liệu nào."),
            command="vonglau reports suggest reports.parquet --out F.csv",
            limits=(_("Chưa đo: độ chắc nêu ra là phần từ khoá trùng, không phải xác suất đúng."),),
        )
    path = installed.path_in(Path(settings.VONGLAU_DATA))
    about, sha256 = learned.facts.about, digest(path)
    limits: list[Text] = [
        _("Chỉ biết các lĩnh vực đã có trong dữ liệu học; lĩnh vực đổi nghĩa thì phải học lại."),
    ]
    found = figures.of(about)
    if not found:
        limits.append(_("Chưa đo trên phản ánh mà nó chưa thấy."))
    return aid(
        now=_("Một mô hình do thành phố tự huấn luyện."),
        version=f"{about.get('learned_last', about.get('until', ''))} · {sha256[:12]}",
        sha256=sha256,
        reads=_("Lời văn đã che số điện thoại và biển số, vị trí, thời điểm, có ảnh hay không."),
        learned_from=_("Phản ánh đã xác minh của thành phố, theo lĩnh vực mà bàn trực để lại hoặc sửa.")
        if about.get("from", "").startswith("the desk")
        else _("Một tệp phản ánh: %(name)s") % {"name": about.get("from", "?")},
        learned_until=about.get("learned_last", ""),
        measured=found,
        command=about.get("command", "vonglau score suggest F.csv reports.parquet"),
        limits=tuple(limits),
    )


def _photos() -> Aid:
    chosen = PHOTO_MODEL.value()
    path = Path(chosen) if chosen else None
    sha256 = digest(path) if path else ""
    return Aid(
        code="field_reports.photos",
        title=_("Tìm mặt người và biển số trong ảnh"),
        purpose=_("Đề xuất chỗ cần che trong ảnh của người dân trước khi ảnh được công khai."),
        in_use=path is not None,
        now=_("Một mô hình do thành phố chọn.") if path else _("Không dùng mô hình nào: nhân viên tự vẽ chỗ cần che."),
        version=f"{path.name[:80]} · {sha256[:12]}" if path else "",
        sha256=sha256,
        reads=_("Ảnh của người dân, trên máy chủ của thành phố; không gửi đi đâu."),
        learned_from=_("Do nơi làm ra mô hình công bố; phần mềm này không đi kèm mô hình.")
        if path
        else _("Không học từ dữ liệu nào."),
        decides=_("Nhân viên xem từng ảnh, thêm hoặc bỏ chỗ che. Chưa ai xem thì ảnh không được công khai."),
        limits=(_("Không nhận dạng ai: chỉ tìm chỗ có mặt người hoặc biển số."), _("Chưa đo tại đây.")),
        objection=_(
            "Nếu bạn thấy mình trong một ảnh công khai, hãy viết cho trung tâm kèm mã phản ánh: ảnh được che lại hoặc gỡ."
        ),
    )
