"""The event log on one machine: `open_writer` for the door, `open_reader` for everybody else."""

from pathlib import Path

from vonglau.engines.appending import BUCKET_US, HORIZON_US
from vonglau.engines.embedded.reader import EmbeddedReader
from vonglau.engines.embedded.writer import EmbeddedLog

__all__ = ["EmbeddedLog", "EmbeddedReader", "open_reader", "open_writer"]


def open_writer(data_dir: Path | str, *, horizon_us: int = HORIZON_US, bucket_us: int = BUCKET_US) -> EmbeddedLog:
    """Take the log for writing, creating it in a new folder. Raises `Unavailable` when another process has it.

    `horizon_us`: how long the identities of sealed events are remembered, µs of log time. `bucket_us`: width of an
    identity bucket, µs of event time; counts only when the log is new.
    """
    return EmbeddedLog(Path(data_dir), horizon_us=horizon_us, bucket_us=bucket_us)


def open_reader(data_dir: Path | str) -> EmbeddedReader:
    """Read the log from any process, while the door writes. Raises `Unavailable` when there is none yet."""
    return EmbeddedReader(Path(data_dir))
