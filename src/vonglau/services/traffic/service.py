"""The manifest of the traffic service: what the rest of the house may know about it."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from vonglau.core.events import EventType
from vonglau.core.seams import AlertKind, Correlation, IncidentKind, Service
from vonglau.services.traffic import demo, words
from vonglau.services.traffic.payloads import EVENT_TYPE, Measured
from vonglau.services.traffic.rules import SensorSilence, TrafficAnomaly

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
    demo=demo.day,
)
