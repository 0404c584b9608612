"""The words of deadlines: the same table holds in the browser (frontend/test/words.test.ts)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from vonglau.kit.due import ago_words, due_state, due_words, met_words

CASES = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 10, 12, 1, 25, tzinfo=UTC)


@pytest.mark.parametrize("case", CASES["due"], ids=lambda case: str(case["seconds"]))
def test_due_in_both_languages(case: dict[str, object]) -> None:
    due = NOW + timedelta(seconds=int(str(case["seconds"])))
    for language in ("vi", "en"):
        with translation.override(language):
            assert due_words(due, NOW) == case[language]
    assert due_state(due, NOW) == case["state"]


@pytest.mark.parametrize("case", CASES["ago"], ids=lambda case: str(case["at"]))
def test_ago_in_both_languages(case: dict[str, str]) -> None:
    with timezone.override("Asia/Ho_Chi_Minh"):
        for language in ("vi", "en"):
            with translation.override(language):
                assert (
                    ago_words(datetime.fromisoformat(case["at"]), datetime.fromisoformat(CASES["now"]))
                    == case[language]
                )


@given(st.integers(-(10**7), 10**7))
def test_words_and_state_agree(seconds: int) -> None:
    due = NOW + timedelta(seconds=seconds)
    with translation.override("vi"):
        text = due_words(due, NOW)
    assert text.startswith("quá hạn") == (due_state(due, NOW) == "over") == (seconds < 0)


def test_met_late_says_by_how_much() -> None:
    with translation.override("vi"):
        assert met_words(NOW, NOW) == "đúng hạn"
        assert met_words(NOW, NOW + timedelta(minutes=75)) == "trễ 1 giờ 15 phút"
