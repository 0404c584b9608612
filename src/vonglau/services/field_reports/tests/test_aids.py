"""The public register says what is installed at this moment, and the desk what moved a suggestion."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from vonglau.core.facts import data_path
from vonglau.core.tests import factories
from vonglau.kit.language import COOKIE
from vonglau.services.field_reports import aids, intake
from vonglau.services.field_reports.suggesting import installed
from vonglau.services.field_reports.suggesting.features import SIZE
from vonglau.services.field_reports.suggesting.model import FORMAT, Facts, Model, save
from vonglau.services.field_reports.tests.test_desk_teaches import sent

Page = Callable[..., str]


@pytest.fixture
def page(db: None, settings: Any, tmp_path: Path) -> Page:
    settings.VONGLAU_DATA = tmp_path
    factories.live()

    def get(path: str, language: str = "vi") -> str:
        reader = Client()
        reader.cookies[COOKIE] = language
        answer = reader.get(path)
        assert answer.status_code == 200, answer.content[:300]
        return answer.content.decode()

    return get


def put_model(data: Path, **about: str) -> Path:
    """A model that knows two categories and was never right."""
    path = installed.path_in(data)
    path.parent.mkdir(exist_ok=True)
    facts = Facts(FORMAT, "full", ("street_light", "waste"), 1, 1.0, 0.0, about)
    save(path, Model(facts, np.zeros((2, SIZE), np.float32), np.zeros(2, np.float32), None))
    return path


def test_anybody_reads_what_the_machine_does_and_who_decides(page: Page) -> None:
    shown = page("/field_reports/ai/")
    for words in ("Tìm phản ánh trùng", "Gợi ý lĩnh vực", "Tìm mặt người và biển số", "134/2025/QH15", "96,5 %"):
        assert words in shown
    english = page("/field_reports/ai/", "en")
    assert "96.5 %" in english
    assert "a person" in english
    assert 'href="/field_reports/ai/"' in page("/field_reports/"), "the footer leads there"


def test_programmes_read_the_same_with_the_digest_of_what_is_used(page: Page, settings: Any) -> None:
    answer = Client().get("/field_reports/ai.json")
    told = {one["code"]: one for one in answer.json()["items"]}
    assert set(told) == {"field_reports.duplicates", "field_reports.categories", "field_reports.photos"}
    keywords = data_path("categories", "field_reports.yaml").read_bytes()
    assert told["field_reports.categories"]["sha256"] == hashlib.sha256(keywords).hexdigest()
    assert told["field_reports.categories"]["measured"] == []
    assert told["field_reports.duplicates"]["measured"][0]["share"] == 0.965
    assert told["field_reports.photos"]["in_use"] is False
    path = put_model(Path(settings.VONGLAU_DATA), **{"accuracy_at_80": "0.91", "judged": "120", "judged_first": "2026-10-01", "judged_last": "2026-11-01", "learned_last": "2026-09-30", "from": "the desk of live"})  # fmt: skip
    told = {one["code"]: one for one in Client().get("/field_reports/ai.json").json()["items"]}
    learned = told["field_reports.categories"]
    assert learned["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert learned["learned_until"] == "2026-09-30"
    assert [one["share"] for one in learned["measured"]] == [0.91]
    assert "120" in learned["measured"][0]["on"]


def test_a_figure_in_a_file_that_is_none_is_not_shown(page: Page, settings: Any) -> None:
    put_model(Path(settings.VONGLAU_DATA), accuracy_at_80="<script>", accuracy_all="nan", spoken_share="2")
    [categories] = [one for one in aids.aids() if one.code == "field_reports.categories"]
    assert list(categories.measured) == []


def test_the_assessment_is_linked_only_where_a_browser_may_go(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VONGLAU_FIELD_REPORTS_AI_ASSESSMENT", "javascript:alert(1)")
    assert "javascript:" not in page("/field_reports/ai/")
    monkeypatch.setenv("VONGLAU_FIELD_REPORTS_AI_ASSESSMENT", "https://city.example/assessment")
    assert 'href="https://city.example/assessment"' in page("/field_reports/ai/")


def test_the_desk_reads_how_sure_it_is_and_which_words_moved_it(page: Page) -> None:
    from vonglau.services.field_reports.service import about

    report: intake.Report = sent(1, "Rác thải chưa thu gom hai ngày nay", "street_light")
    rows = {str(label): text for label, text in about(report.incident)}
    assert rows["Máy đề xuất"].startswith("Rác thải"), rows
    assert "chắc" in rows["Máy đề xuất"]
    assert "rác" in rows["Máy đề xuất"].lower().split("vì có:")[1]
    quiet = sent(2, "Xin chào")
    assert "Máy đề xuất" not in {str(label) for label, _text in about(quiet.incident)}
