"""How good a model was on reports it had not seen, kept in its own file: what is installed carries what was measured of it. Pure."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from vonglau.core.seams import Measured, Text

NAMES: Mapping[str, Text] = {
    "accuracy_at_80": _("Đúng trong 80 % phản ánh mà nó chắc nhất"),
    "accuracy_all": _("Đúng nếu trả lời mọi phản ánh"),
    "spoken_share": _("Phần phản ánh mà nó lên tiếng"),
    "spoken_accuracy": _("Đúng khi nó lên tiếng"),
    "before_at_80": _("Mô hình trước đó, trên cùng phản ánh: đúng trong 80 % chắc nhất"),
}
"""Keys of a model's `about` that are shares from 0 to 1."""


def of(about: Mapping[str, str]) -> Sequence[Measured]:
    """What the register shows of a model; nothing where it was not measured."""
    on = _("%(count)s phản ánh từ %(since)s đến %(last)s, không có trong dữ liệu đã học") % {
        "count": about.get("judged", "0"),
        "since": about.get("judged_first", ""),
        "last": about.get("judged_last", ""),
    }
    return [
        Measured(what=name, share=float(about[key]), on=on)
        for key, name in NAMES.items()
        if key in about and _is_share(about[key])
    ]


def _is_share(text: str) -> bool:
    """A file may be anybody's."""
    try:
        return 0.0 <= float(text) <= 1.0
    except ValueError:
        return False
