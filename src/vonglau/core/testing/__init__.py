"""What a service's tests stand on: streams of events as short lists, the laws of detectors, and that no word is missing."""

from vonglau.core.testing.laws import DetectorLaws
from vonglau.core.testing.streams import batch, event, fold, latest, tick, ticking

__all__ = ["DetectorLaws", "batch", "event", "fold", "latest", "tick", "ticking"]
