"""A believable day of it."""
from collections.abc import Iterable
from vonglau.core.seams import DemoCall, DemoEvent, DemoPlan

def day(plan: DemoPlan) -> Iterable[DemoEvent | DemoCall]:
    return ()
