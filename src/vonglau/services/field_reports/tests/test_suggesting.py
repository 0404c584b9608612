"""Laws of the suggestion of categories, on reports made here."""

import json
import random
import struct
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vonglau.core.errors import BadFile, BadInput
from vonglau.core.facts import categories
from vonglau.services.field_reports.suggesting import features, installed, keywords, learning, measuring, model, suggest
from vonglau.services.field_reports.suggesting.features import Report

NOW = 1.75e9
SAID = {
    "light": ("đèn", "tối", "cột", "bóng", "sáng"),
    "waste": ("rác", "hôi", "thùng", "đổ", "bẩn"),
    "road": ("ổ", "gà", "mặt", "lún", "nhựa"),
}
FILLER = ("trước", "nhà", "hẻm", "số", "đường", "nhờ", "anh", "chị", "xử", "lý")


def town(count: int, seed: int = 1) -> list[learning.Known]:
    """Reports whose words tell the category nine times of ten."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        code = chance.choice(sorted(SAID))
        telling = SAID[code if chance.random() < 0.9 else chance.choice(sorted(SAID))]
        words = [*chance.choices(telling, k=3), *chance.choices(FILLER, k=5)]
        chance.shuffle(words)
        found.append(learning.Known(Report(" ".join(words), NOW + number * 600, 16.05, 108.2), code))
    return found


@pytest.fixture(scope="module")
def learned() -> model.Model:
    return learning.learn(town(600), {"from": "a town made up"})


reports = st.builds(
    Report,
    words=st.text(max_size=80) | st.lists(st.sampled_from(sum(SAID.values(), FILLER)), max_size=9).map(" ".join),
    at=st.floats(NOW, NOW + 1e8) | st.just(float("nan")),
    lat=st.floats(-95, 95) | st.just(float("nan")),
    lon=st.floats(-190, 190) | st.just(float("nan")),
    address=st.text(max_size=20),
    photo=st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(report=reports)
def test_any_report_has_an_answer_and_its_confidence_is_a_share(learned: model.Model, report: Report) -> None:
    found = suggest.suggest(learned, report)
    assert found.code in learned.facts.codes
    assert 0 <= found.confidence <= 1
    assert found.abstained == (found.confidence < learned.facts.threshold)
    assert all(push > 0 for _, push in found.moved)


@settings(deadline=None, max_examples=30)
@given(some=st.lists(reports, max_size=12))
def test_one_by_one_is_as_all_at_once(learned: model.Model, some: list[Report]) -> None:
    together = list(suggest.suggest_all(learned, some))
    assert len(together) == len(some)
    for report, one in zip(some, together, strict=True):
        alone = suggest.suggest(learned, report)
        assert (alone.code, alone.abstained) == (one.code, one.abstained)
        assert alone.confidence == pytest.approx(one.confidence, abs=1e-9)


def test_cutting_in_parts_changes_nothing(learned: model.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [one.report for one in town(50, seed=3)]
    whole = list(suggest.suggest_all(learned, some))
    monkeypatch.setattr(features, "PART", 7)
    monkeypatch.setattr(suggest, "PART", 11)
    assert list(suggest.suggest_all(learned, some)) == whole


def test_it_learns_says_which_words_moved_it_and_knows_how_sure_it_is(learned: model.Model) -> None:
    later = town(400, seed=2)
    found = list(suggest.suggest_all(learned, [one.report for one in later]))
    right = np.array([one.code == known.code for one, known in zip(found, later, strict=True)])
    spoken = np.array([not one.abstained for one in found])
    assert right[spoken].mean() > 0.85
    assert 0.6 < spoken.mean() < 0.95
    assert abs(np.mean([one.confidence for one in found]) - right.mean()) < 0.1
    moved = suggest.suggest(learned, Report("Rác hôi trước nhà số 4", NOW, 16.05, 108.2))
    assert moved.code == "waste"
    assert {"Rác", "hôi"} <= {word for word, _ in moved.moved[:2]} | {word for word, _ in moved.moved}


def test_diacritics_left_out_lead_to_the_same_answer(learned: model.Model) -> None:
    with_them = suggest.suggest(learned, Report("rác đổ bẩn thùng", NOW))
    without = suggest.suggest(learned, Report("RAC do ban thung", NOW))
    assert with_them.code == without.code == "waste"
    assert with_them.confidence == without.confidence


def test_too_little_to_learn_from_is_said() -> None:
    with pytest.raises(BadInput, match="at least 40 reports"):
        learning.learn(town(20), {})
    with pytest.raises(BadInput, match="1 categories"):
        learning.learn([replace(one, code="light") for one in town(100)], {})


def test_two_categories_are_learned_too() -> None:
    two = [one for one in town(400) if one.code != "road"]
    found = learning.learn(two, {}, method="tfidf")
    assert found.facts.codes == ("light", "waste")
    assert suggest.suggest(found, Report("rác hôi bẩn", NOW)).code == "waste"


def test_a_model_is_kept_and_read_again(learned: model.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors", learned)
    again = model.load(tmp_path / "m.safetensors")
    assert again.facts == learned.facts
    report = town(1)[0].report
    assert suggest.suggest(again, report) == suggest.suggest(learned, report)


def _changed(raw: bytes, change: str) -> bytes:
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    body = raw[8 + length :]
    facts = json.loads(header["__metadata__"]["vonglau"])
    if change == "header too long":
        return struct.pack("<Q", 1 << 60) + raw[8:]
    if change == "cut":
        return raw[:-1]
    if change == "empty":
        return b""
    if change == "not json":
        return raw[:8] + b"\x80" * length + body
    if change == "pickle":
        return b"\x80\x04cos\nsystem\n(S'true'\ntR."
    if change == "shape":
        header["weights"]["shape"] = [len(facts["codes"]), features.SIZE * 2]
    if change == "beyond the end":
        header["bias"]["data_offsets"] = [len(body), len(body) + 12]
    if change == "negative":
        header["bias"]["data_offsets"] = [-12, 0]
    if change == "format":
        facts["format"] = "vonglau-suggest/9"
    if change == "codes":
        facts["codes"] = ["a", "a", "b"]
    if change == "temperature":
        facts["temperature"] = 0
    if change == "infinite":
        body = b"\x00\x7c" + body[2:]
    if change == "unknown":
        header["more"] = header["bias"]
    header["__metadata__"]["vonglau"] = json.dumps(facts)
    said = json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said + body


@pytest.mark.parametrize(
    "change",
    [
        "header too long", "cut", "empty", "not json", "pickle", "shape", "beyond the end", "negative", "format", "codes",
        "temperature", "infinite", "unknown",
    ],
)  # fmt: skip
def test_a_hostile_model_is_refused(learned: model.Model, tmp_path: Path, change: str) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path, learned)
    path.write_bytes(_changed(path.read_bytes(), change))
    with pytest.raises(BadFile, match="no model of suggestions"):
        model.load(path)


@settings(deadline=None, max_examples=60)
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_no_model(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "m"
    path.write_bytes(raw)
    with pytest.raises(BadFile):
        model.load(path)


KNOWN = tuple(categories().values())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Đèn đường trước nhà không sáng mấy hôm nay", "street_light"),
        ("den duong truoc nha khong sang", "street_light"),
        ("Có ổ gà lớn giữa đường", "pothole"),
        ("o ga to qua, mat duong gồ ghề", "pothole"),
        ("Nắp cống bị mất, rất nguy hiểm", "manhole"),
        ("Rác thải bốc mùi hôi thối", "waste"),
        ("Hàng xóm hát karaoke loa kéo tới khuya", "noise"),
    ],
)
def test_keywords_suggest_with_and_without_diacritics(text: str, code: str) -> None:
    found = keywords.suggest(text, KNOWN)
    assert (found.code, found.abstained) == (code, False)
    assert found.moved


@pytest.mark.parametrize("text", ["", "   ", "😀😀😀", "xin chào các anh chị", "Đen", "ỗ gá", "x" * 4001])
def test_keywords_abstain_honestly(text: str) -> None:
    found = keywords.suggest(text, KNOWN)
    assert found.abstained
    assert found.confidence == 0.0


def test_two_matters_at_once_leave_it_to_a_person() -> None:
    found = keywords.suggest("Rác thải chất đống dưới gốc, cây đổ chắn ngang", KNOWN)
    assert found.abstained


def test_decomposed_text_is_read_as_typed() -> None:
    import unicodedata

    text = "Nắp cống vỡ"
    assert keywords.suggest(unicodedata.normalize("NFD", text), KNOWN) == keywords.suggest(text, KNOWN)


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=300))
def test_keywords_take_any_text(text: str) -> None:
    found = keywords.suggest(text, KNOWN)
    assert 0 <= found.confidence < 1
    assert found.code == "" or found.code in categories()


def test_an_installation_without_a_model_goes_by_keywords_and_a_broken_one_does_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = Report("Đèn đường không sáng", NOW)
    assert installed.suggest_for(report, tmp_path).code == "street_light"
    path = installed.path_in(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"broken")
    assert installed.suggest_for(report, tmp_path).code == "street_light"
    assert "fall back to keywords" in caplog.text


def test_a_model_of_other_categories_is_not_believed(learned: model.Model, tmp_path: Path) -> None:
    path = installed.path_in(tmp_path)
    path.parent.mkdir()
    model.save(path, learned)
    found = installed.suggest_for(town(1)[0].report, tmp_path)
    assert found.abstained == (found.code == "")
    assert found.code in {"", "waste"}


def test_a_curve_counts_the_sure_ones_first(tmp_path: Path) -> None:
    pq.write_table(
        pa.table(
            {
                "service_request_id": [str(number) for number in range(10)],
                "service_code": ["a"] * 10,
                "requested_datetime": [f"2026-01-{number + 1:02}T00:00:00Z" for number in range(10)],
            }
        ),
        tmp_path / "f.parquet",
    )
    lines = ["id,service_code,confidence,abstained"]
    lines += [f"{number},{'a' if number < 8 else 'b'},{1 - number / 10:.2f},{int(number >= 8)}" for number in range(10)]
    (tmp_path / "s.csv").write_text("\n".join(lines) + "\n")
    judged = measuring.judge(measuring.read(tmp_path / "s.csv"), tmp_path / "f.parquet")
    found = measuring.score(judged)
    assert found["accuracy"] == 0.8
    assert found["accuracy_at_80"] == 1.0
    assert found["spoken_accuracy"] == 1.0
    assert found["spoken_share"] == 0.8
    late = measuring.judge(measuring.read(tmp_path / "s.csv"), tmp_path / "f.parquet", "2026-01-09")
    assert measuring.score(late)["accuracy"] == 0.0
    measuring.figure({"a <b>": measuring.curve(judged), "c": measuring.curve(late)}, tmp_path / "f.svg")
    import xml.dom.minidom

    xml.dom.minidom.parse(str(tmp_path / "f.svg"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("a\n", "header"),
        ("id,service_code,confidence,abstained\n1,a,2,0\n", "no share"),
        ("id,service_code,confidence,abstained\n1,a,0.5,maybe\n", "0 or 1"),
        ("id,service_code,confidence,abstained\n1,a,0.5,0\n1,b,0.5,0\n", "twice"),
    ],
)
def test_suggestions_that_break_their_rules_are_refused(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(lines)
    with pytest.raises(BadFile, match=said):
        measuring.read(path)


def test_facts_round_trip() -> None:
    facts = model.Facts(model.FORMAT, "full", ("a", "b"), 3, 1.0, 0.5, {})
    assert msgspec.json.decode(msgspec.json.encode(facts), type=model.Facts) == facts
