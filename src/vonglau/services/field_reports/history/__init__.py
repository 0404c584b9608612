"""Loading the history of reports: states and times that an Open311 submission cannot carry. `vonglau load reports`."""

from vonglau.services.field_reports.history.load import load

__all__ = ["load"]
