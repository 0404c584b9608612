"""The service's decisions: pure folds over measurements, no I/O, no clock."""

from vonglau.services.traffic.rules.anomaly import TrafficAnomaly

__all__ = ["TrafficAnomaly"]
