"""One machine, no servers: the event log in SQLite and Parquet."""

from vonglau.engines.embedded.log import EmbeddedLog, EmbeddedReader, open_reader, open_writer

__all__ = ["EmbeddedLog", "EmbeddedReader", "open_reader", "open_writer"]
