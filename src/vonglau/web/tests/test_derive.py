"""History's columns come from the wards of this installation and the types that services declare."""

import numpy as np
import pytest
from django.conf import settings

from vonglau.core.worlds import WorldKind, ensure_world
from vonglau.engines.history import derive
from vonglau.web.derive import MAKER

DRAGON_BRIDGE = (108.2272, 16.0611)


@pytest.mark.django_db
def test_wards_and_values_are_stored_beside_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(derive.SETTING, MAKER)
    ensure_world("live", WorldKind.LIVE, "48")
    made = derive.derive()
    lon, lat = np.array([DRAGON_BRIDGE[0], np.nan, 2.35]), np.array([DRAGON_BRIDGE[1], np.nan, 48.85])
    ward, *others = made.wards(lon, lat)
    assert ward
    assert len(ward) == 5
    assert others == [None, None]
    quantities, values = made.measures(
        ["vn.vonglau.traffic.measured", "vn.example.other", "vn.vonglau.traffic.measured"],
        [b'{"quantity": "speed", "value": 31.5}', b'{"value": 1}', b"stored before it was declared"],
    )
    assert quantities == ["speed", None, None]
    assert values[0] == 31.5
    assert np.isnan(values[1:]).all()
    assert settings.VONGLAU_DATA
