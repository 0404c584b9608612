"""What a log is opened with when nothing else is said. Imports nothing: `vonglau --help` must not wait for numpy."""

HORIZON_US = 7 * 86_400 * 1_000_000
"""How long the identity of a sealed event is remembered, µs of log time."""

BUCKET_US = 10_000_000
"""Width of an identity bucket, µs of the events' own time. Narrow costs nothing: neighbours in time share pages."""
