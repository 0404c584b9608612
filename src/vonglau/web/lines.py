"""A line of the log, as JSON, without the addresses that are secrets. Loaded before any application is."""

import logging
import re

from pythonjsonlogger.json import JsonFormatter

SECRET_PATH = re.compile(r"(/accounts/invitation/|/field_reports/[rv]/)[^\s\"'/?\\]+")
"""Who knows such an address may act as somebody: an invitation until it was used, a citizen on their own report."""


class Lines(JsonFormatter):
    """Redacts the finished line, so that no message, member or traceback is left out."""

    def format(self, record: logging.LogRecord) -> str:
        return SECRET_PATH.sub(r"\1…", super().format(record))
