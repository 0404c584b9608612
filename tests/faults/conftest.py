"""What several faults share."""

from tests.faults.shim import shim

__all__ = ["shim"]
