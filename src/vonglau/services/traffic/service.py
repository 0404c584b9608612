"""The manifest of the traffic service: what the rest of the house may know about it."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from vonglau.core.events import EventType
from vonglau.core.indicators.definitions import Unit
from vonglau.core.indicators.over_events import over_events
from vonglau.core.seams import AlertKind, Correlation, IncidentKind, Service
from vonglau.services.traffic import demo, words
from vonglau.services.traffic.payloads import EVENT_TYPE, Measured
from vonglau.services.traffic.rules import SensorSilence, TrafficAnomaly, figures

service = Service(
    name="traffic",
    title=_("Giao thông"),
    event_types=(
        EventType(
            name=EVENT_TYPE,
            title=_("Số đo giao thông"),
            payload=Measured,
            measure=lambda said: (said.quantity, said.value),
        ),
    ),
    detectors=(TrafficAnomaly(), SensorSilence()),
    alert_kinds=(
        AlertKind(
            code="congestion",
            title=_("Ùn tắc"),
            headline=words.congestion_headline,
            explain=words.seasonal_explanation,
            measures=words.measured,
        ),
        AlertKind(
            code="abnormal_traffic",
            title=_("Giao thông bất thường"),
            headline=words.abnormal_headline,
            explain=words.seasonal_explanation,
            measures=words.measured,
        ),
        AlertKind(
            code="sensor_silent",
            title=_("Cảm biến im lặng"),
            headline=words.silent_headline,
            explain=words.silent_explanation,
        ),
    ),
    incident_kinds=(
        IncidentKind(
            code="traffic_congestion",
            title=_("Ùn tắc giao thông"),
            level="urgent",
            correlation=Correlation(
                alert_kinds=frozenset({"congestion"}), min_rank=2, metres=500.0, window=timedelta(hours=1)
            ),
        ),
        IncidentKind(
            code="traffic_sensor_fault",
            title=_("Hỏng cảm biến giao thông"),
            level="normal",
            correlation=Correlation(
                alert_kinds=frozenset({"sensor_silent"}), min_rank=1, metres=30.0, window=timedelta(days=1)
            ),
        ),
    ),
    indicators=(
        over_events(
            code="traffic_coverage",
            title=_("Độ phủ số đo giao thông"),
            definition=_(
                "Tỷ lệ giờ có số đo, trên mọi giờ đã bắt đầu trong kỳ của mọi cảm biến có gửi ít nhất một số đo trong kỳ. "
                "Cảm biến im lặng suốt kỳ không ở trong mẫu số: xem cảnh báo cảm biến im lặng."
            ),
            numerator=_("Giờ của cảm biến có ít nhất một số đo"),
            denominator=_("Giờ đã bắt đầu trong kỳ, của mỗi cảm biến có gửi trong kỳ"),
            unit=Unit.PERCENT,
            columns=figures.COLUMNS,
            count=figures.coverage,
            under=figures.covered,
            row=words.covered,
        ),
        over_events(
            code="traffic_mean_speed",
            title=_("Vận tốc trung bình đo được"),
            definition=_(
                "Tổng mọi vận tốc đo được trong kỳ chia cho số lần đo: trung bình theo lần đo, không theo xe và không theo chiều dài đường."
            ),
            numerator=_("Tổng các vận tốc đo được, tính bằng phần nghìn km/h"),
            denominator=_("Số lần đo vận tốc trong kỳ"),
            unit=Unit.KM_PER_HOUR,
            columns=figures.COLUMNS,
            count=figures.mean_speed,
            under=figures.speeds,
            row=words.mean_speed,
            scale=figures.SPEED_SCALE,
            better="neither",
        ),
    ),
    demo=demo.day,
)
