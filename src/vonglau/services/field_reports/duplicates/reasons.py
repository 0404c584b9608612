"""Why a candidate was named, in words of the active language: for the form and the desk, which show them as they are."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vonglau.services.field_reports.duplicates.nearby import Candidate

HOUR, DAY = 3_600.0, 86_400.0


def reasons(candidate: Candidate) -> list[str]:
    """The distance and the gap in time always; then what is the same, as far as it is."""
    said = [_away(candidate.metres), _apart(candidate.seconds)]
    if candidate.same_service:
        said.append(_("cùng lĩnh vực"))
    if candidate.same_address:
        said.append(_("cùng địa chỉ"))
    if candidate.shared:
        said.append(_("cùng nhắc tới: %(words)s") % {"words": ", ".join(candidate.shared)})
    return said


def _away(metres: float) -> str:
    if metres < 5:
        return _("cùng một chỗ")
    if metres < 1_000:
        return _("cách %(metres)d m") % {"metres": round(metres, -1) if metres >= 100 else round(metres)}
    return _("cách %(kilometres)s km") % {"kilometres": f"{metres / 1_000:.1f}"}


def _apart(seconds: float) -> str:
    long = abs(seconds)
    if long < HOUR:
        count = max(round(long / 60), 1)
        earlier = ngettext("gửi trước %(count)d phút", "gửi trước %(count)d phút", count)
        later = ngettext("gửi sau %(count)d phút", "gửi sau %(count)d phút", count)
    elif long < 2 * DAY:
        count = round(long / HOUR)
        earlier = ngettext("gửi trước %(count)d giờ", "gửi trước %(count)d giờ", count)
        later = ngettext("gửi sau %(count)d giờ", "gửi sau %(count)d giờ", count)
    else:
        count = round(long / DAY)
        earlier = ngettext("gửi trước %(count)d ngày", "gửi trước %(count)d ngày", count)
        later = ngettext("gửi sau %(count)d ngày", "gửi sau %(count)d ngày", count)
    return (earlier if seconds >= 0 else later) % {"count": count}
