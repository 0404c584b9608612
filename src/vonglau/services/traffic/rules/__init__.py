"""The service's decisions: pure folds over measurements, no I/O, no clock."""

from vonglau.services.traffic.rules.anomaly import TrafficAnomaly
from vonglau.services.traffic.rules.episode import ABNORMAL_TRAFFIC, CONGESTION, SENSOR_SILENT
from vonglau.services.traffic.rules.silence import SensorSilence

__all__ = ["ABNORMAL_TRAFFIC", "CONGESTION", "SENSOR_SILENT", "SensorSilence", "TrafficAnomaly"]
