"""Any past interval of the log as a file, and back: the same events, ticks and detectors' states, hence the same alerts."""
