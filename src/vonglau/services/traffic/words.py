"""An alert's facts as sentences. `facts` are the detectors' (rules/episode.py); every value may be hostile text and is only ever text."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vonglau.core.indicators.definitions import Row
from vonglau.core.indicators.over_events import Item
from vonglau.services.traffic.rules.figures import SPEED_SCALE

QUANTITY_UNITS = {"speed": "km/h", "flow": "xe/giờ", "occupancy": "%", "travel_time": "s"}


def quantity(code: str) -> str:
    return {
        "speed": _("tốc độ"),
        "flow": _("lưu lượng"),
        "occupancy": _("độ chiếm dụng"),
        "travel_time": _("thời gian đi qua"),
    }.get(code, code)


def place(facts: Mapping[str, Any]) -> str:
    return str(facts.get("name") or facts.get("subject") or "?")


def number(value: Any, unit: str | None = None) -> str:
    """As people write it: no decimals from 20 on, one below."""
    if not isinstance(value, int | float):
        return "–"
    text = (
        number_format(round(value), 0, force_grouping=True)
        if abs(value) >= 20
        else number_format(round(float(value), 1), 1)
    )
    return f"{text} {unit}" if unit else text


def unit_of(facts: Mapping[str, Any]) -> str:
    given = facts.get("unit")
    if given:
        return str(given)
    return _("xe/giờ") if facts.get("quantity") == "flow" else QUANTITY_UNITS.get(str(facts.get("quantity")), "")


def measured(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Quantity and unit of an alert's series."""
    return quantity(str(facts.get("quantity"))), unit_of(facts)


def span(seconds: Any) -> str:
    """A duration in words, to the minute."""
    minutes = int(seconds or 0) // 60
    if minutes < 60:
        return ngettext("%(n)d phút", "%(n)d phút", minutes) % {"n": minutes}
    hours, rest = divmod(minutes, 60)
    return _("%(h)d giờ %(m)02d phút") % {"h": hours, "m": rest}


def congestion_headline(facts: Mapping[str, Any]) -> str:
    lost = facts.get("loss")
    share = f" {round(lost * 100)} %" if isinstance(lost, int | float) and lost >= 0.1 else ""
    return _("Ùn tắc%(share)s: %(place)s") % {"share": share, "place": place(facts)}


def abnormal_headline(facts: Mapping[str, Any]) -> str:
    words = _("thấp bất thường") if facts.get("direction") == "low" else _("cao bất thường")
    return _("%(quantity)s %(words)s: %(place)s") % {
        "quantity": quantity(str(facts.get("quantity"))).capitalize(),
        "words": words,
        "place": place(facts),
    }


def seasonal_explanation(facts: Mapping[str, Any]) -> str:
    """What was seen, what was usual, how often it was learnt, how long it lasted."""
    unit = unit_of(facts)
    sentences = [
        _("Xấu nhất %(worst)s, trong khi giờ này thường là %(usual)s.")
        % {"worst": number(facts.get("worst_seen"), unit), "usual": number(facts.get("worst_expected"), unit)},
        _("Lần đo mới nhất: %(seen)s; khoảng thường gặp %(low)s – %(high)s.")
        % {
            "seen": number(facts.get("seen"), unit),
            "low": number(facts.get("low")),
            "high": number(facts.get("high"), unit),
        },
        _("Mức thường gặp học từ %(n)s lần đo trong %(days)s ngày, theo giờ và loại ngày.")
        % {
            "n": number_format(facts.get("learnt_from") or 0, 0, force_grouping=True),
            "days": number(facts.get("learnt_days")),
        },
        _("Đã kéo dài %(span)s.") % {"span": span(facts.get("duration_s"))},
    ]
    ended = {
        "usual_again": _("Đã trở lại bình thường."),
        "adopted": _("Kéo dài đến mức thành mức thường gặp mới."),
        "no_data": _("Đóng vì cảm biến không gửi nữa."),
        "turned": _("Đã đảo chiều."),
    }.get(str(facts.get("ended_by")))
    return " ".join([*sentences, ended] if ended else sentences)


def silent_headline(facts: Mapping[str, Any]) -> str:
    return _("Cảm biến im lặng: %(place)s") % {"place": place(facts)}


def silent_explanation(facts: Mapping[str, Any]) -> str:
    usual = facts.get("usual_interval_s")
    last = facts.get("last_heard")
    sentences = [_("Không nhận được dữ liệu trong %(span)s.") % {"span": span(facts.get("silent_s"))}]
    if isinstance(usual, int | float):
        sentences.append(_("Bình thường cảm biến gửi mỗi %(span)s.") % {"span": span(usual)})
    if isinstance(last, str):
        moment = timezone.localtime(datetime.fromisoformat(last))
        sentences.append(_("Lần cuối: %(moment)s.") % {"moment": moment.strftime("%H:%M %d/%m/%Y")})
    return " ".join(sentences)


def covered(item: Item) -> Row:
    """A sensor under the coverage of measurements."""
    said = item.values
    heard = {"hours": number(said["hours"]), "of": number(said["of"]), "n": number(said["n"])}
    return Row(name=_sensor(said), said=_("%(hours)s trên %(of)s giờ có số đo, %(n)s số đo") % heard)


def mean_speed(item: Item) -> Row:
    """A sensor under the mean speed."""
    said = item.values
    mean = said["total"] / said["n"] / SPEED_SCALE
    return Row(
        name=_sensor(said), said=_("%(mean)s km/h qua %(n)s lần đo") % {"mean": number(mean), "n": number(said["n"])}
    )


def _sensor(said: Mapping[str, Any]) -> str:
    return str(said.get("subject") or said.get("source") or "?")
