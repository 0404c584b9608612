"""What a traffic sensor says: the payload of the event type `vn.vonglau.traffic.measured`.

The quantities are those of the DATEX II measured-data vocabulary (CEN/TS 16157-5, Measured and elaborated data
publications):

    quantity      DATEX II basic data                     usual unit
    speed         TrafficSpeed.averageVehicleSpeed        km/h
    flow          TrafficFlow.vehicleFlow                 veh/h
    occupancy     TrafficConcentration.occupancy          % of time (0–100)
    travel_time   TravelTimeData.travelTime               s

`period_s` is its `measurementOrCalculationPeriod`. The event's `subject` names the sensor or the road section,
`time` the end of the period. A detector compares a sensor with its own past, so any unit will do as long as the
sensor keeps it.
"""

import math
from typing import Annotated, Literal, get_args

import msgspec

EVENT_TYPE = "vn.vonglau.traffic.measured"

Quantity = Literal["speed", "occupancy", "travel_time", "flow"]
QUANTITIES: tuple[str, ...] = get_args(Quantity)

MAX_VALUE = 1e9
"""Nothing on a road is larger in any usual unit; keeps squares and sums far from overflow."""


class Measured(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One measurement of one quantity. Zero is a value; "no vehicle passed, so no speed" is sent by not sending."""

    quantity: Quantity
    value: Annotated[float, msgspec.Meta(ge=0.0, le=MAX_VALUE)]
    unit: Annotated[str, msgspec.Meta(max_length=16)] | None = None
    period_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """What people call the place, for screens: "Cầu Rồng, hướng Đông"."""

    def __post_init__(self) -> None:
        # JSON knows no infinity, but 1e999 reads as one; bounds above catch it, and a NaN fails every comparison.
        if not math.isfinite(self.value):
            raise ValueError("value must be finite")
