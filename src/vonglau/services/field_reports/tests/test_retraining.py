"""A model is judged by dates on what it has not seen, used only after a person put it there, and taken back by one."""

from pathlib import Path
from typing import Any

import pytest

from vonglau.core import audit
from vonglau.core.errors import BadFile, BadInput
from vonglau.services.field_reports.suggesting import figures, installed, installing, judging, learning
from vonglau.services.field_reports.suggesting.features import Report
from vonglau.services.field_reports.suggesting.model import Model, load, save
from vonglau.services.field_reports.tests.test_suggesting import town


@pytest.fixture(scope="module")
def judged() -> Model:
    """Learned from the first reports of a town, judged on the last; and what it was judged beside."""
    known = town(300)
    learned, later = known[:240], known[240:]
    model = learning.learn(learned, {"from": "the desk of live"})
    return judging.beside(judging.with_figures(model, learned, later), later, None)


def test_what_it_was_measured_at_travels_with_the_model(judged: Model, tmp_path: Path) -> None:
    save(tmp_path / "m", judged)
    about = load(tmp_path / "m").facts.about
    assert about["learned"] == "240"
    assert about["judged"] == "60"
    assert about["learned_last"] <= about["judged_first"] <= about["judged_last"]
    assert float(about["accuracy_at_80"]) > 0.8 > float(about["before_at_80"])
    shares = [one.share for one in figures.of(about)]
    assert len(shares) == 5
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.django_db(transaction=True)
def test_a_model_is_used_once_a_person_put_it_there_and_taken_back(
    judged: Model, settings: Any, tmp_path: Path
) -> None:
    settings.VONGLAU_DATA = tmp_path
    waiting = installing.candidates(tmp_path) / "a.safetensors"
    waiting.parent.mkdir(parents=True)
    save(waiting, judged)
    assert installed.model(tmp_path) is None, "what only waits is not used"
    first = installing.install(waiting, tmp_path, "an")
    assert installed.model(tmp_path) is not None
    with pytest.raises(BadInput, match="in use already"):
        installing.install(waiting, tmp_path, "an")
    other = tmp_path / "b.safetensors"
    save(other, learning.learn(town(80, seed=2), {"from": "the desk of live"}))
    second = installing.install(other, tmp_path, "binh")
    assert second.sha256 != first.sha256
    assert installing.roll_back(tmp_path, "an").sha256 == first.sha256
    assert load(installed.path_in(tmp_path)).facts.about["judged"] == "60"
    assert installing.roll_back(tmp_path, "an").sha256 == ""
    assert installed.suggest_for(Report("đèn đường không sáng", 0.0), tmp_path).code == "street_light", "keywords again"
    with pytest.raises(BadInput, match="nothing to go back to"):
        installing.roll_back(tmp_path, "an")
    said = [(body["step"], body["who"], body["sha256"]) for _row, body in audit.rows(audit.INSTALLATION)]
    assert said == [
        ("model_install", "an", first.sha256),
        ("model_install", "binh", second.sha256),
        ("model_roll_back", "an", first.sha256),
        ("model_roll_back", "an", "keywords"),
    ]
    assert len(list(installing.candidates(tmp_path).iterdir())) == 3, "what was taken back is kept"


@pytest.mark.django_db(transaction=True)
def test_half_a_copy_of_a_killed_command_blocks_no_way_back(
    judged: Model, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VONGLAU_DATA = tmp_path
    waiting = tmp_path / "a.safetensors"
    save(waiting, judged)
    installing.install(waiting, tmp_path, "an")
    earlier = installed.path_in(tmp_path).parent / installing.EARLIER
    (earlier / "0002-0123456789ab.part").write_bytes(b"half")

    def full(*_given: object) -> None:
        raise BadInput("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(audit, "record", full)
        with pytest.raises(BadInput, match="full"):
            installing.roll_back(tmp_path, "an")
    assert (earlier / f"0001-{installing.KEYWORDS}").exists(), "what was not done can be done again"
    assert installing.roll_back(tmp_path, "an").sha256 == ""
    assert installed.model(tmp_path) is None


@pytest.mark.django_db
def test_what_is_no_model_changes_nothing(judged: Model, settings: Any, tmp_path: Path) -> None:
    settings.VONGLAU_DATA = tmp_path
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"\xff" * 64)
    with pytest.raises(BadFile):
        installing.install(wrong, tmp_path, "an")
    foreign = [learning.Known(one.report, f"their-{one.code}") for one in town(80)]
    save(wrong, learning.learn(foreign, {}))
    with pytest.raises(BadInput, match="none is a category"):
        installing.install(wrong, tmp_path, "an")
    assert not installed.path_in(tmp_path).exists()
    assert not audit.rows(audit.INSTALLATION)
