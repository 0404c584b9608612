"""The panel of possible duplicates: for whoever may merge, one key each, and merging goes by the table."""

from dataclasses import replace
from functools import partial

import pytest

from vonglau.centre.desk import beside as panels
from vonglau.centre.tests.conftest import Sign, incident, step
from vonglau.core.incidents.models import Incident
from vonglau.core.seams import Alike, Beside, services

HTMX = {"HX-Request": "true"}


def _pair(other: Incident, _incident: Incident) -> Beside:
    alike = Alike(ref=other.ref, at=other.received_at, words="<b>Ổ gà</b> to", reasons=["cách 20 m"])
    return Beside(words="Ổ gà", alike=[alike])


@pytest.fixture
def pair(city: object, monkeypatch: pytest.MonkeyPatch) -> tuple[Incident, Incident]:
    keeper, double = incident("Giữ lại"), incident("Trùng")
    proposing = tuple(
        replace(one, beside=partial(_pair, keeper)) if one.name == "traffic" else one for one in services()
    )
    monkeypatch.setattr(panels, "services", lambda: proposing)
    return keeper, double


def test_one_key_merges_into_what_stands_beside_it(sign_in: Sign, pair: tuple[Incident, Incident]) -> None:
    keeper, double = pair
    client = sign_in("operator")
    page = client.get(f"/desk/{double.ref}/").content.decode()
    assert "Có thể trùng" in page
    assert "&lt;b&gt;Ổ gà" in page
    assert "cách 20 m" in page
    assert f'name="keeper" value="{keeper.ref}"' in page
    assert 'data-key="1"' in page
    answer = client.post(f"/desk/{double.ref}/merge/", {"version": 1, "keeper": keeper.ref}, headers=HTMX)
    assert answer.status_code == 200
    double.refresh_from_db()
    assert (double.state, double.keeper) == ("merged", keeper)
    assert "Có thể trùng" not in client.get(f"/desk/{double.ref}/").content.decode()


def test_the_panel_is_for_whoever_may_merge(sign_in: Sign, pair: tuple[Incident, Incident]) -> None:
    _keeper, double = pair
    assert "Có thể trùng" not in sign_in("leader").get(f"/desk/{double.ref}/").content.decode()
    step(double, "verify")
    step(double, "assign", agency="so-xay-dung")
    assert "Có thể trùng" not in sign_in("agency", "so-xay-dung").get(f"/desk/{double.ref}/").content.decode()
    assert "Possible duplicates" in sign_in("operator", language="en").get(f"/desk/{_keeper.ref}/").content.decode()
