"""A filter of Django's own reports: what is said in words elsewhere needs no traceback. Loaded before any application is."""

import logging

from vonglau.core.outages import foreseen


class Foreseen(logging.Filter):
    """Lets records pass whose exception nobody foresaw."""

    def filter(self, record: logging.LogRecord) -> bool:
        return foreseen(record.exc_info[1] if record.exc_info else None) is None
