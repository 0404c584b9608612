"""Laws of the search for duplicates, on reports made here."""

import json
import random
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from vonglau.core.errors import BadFile, BadInput
from vonglau.services.field_reports.duplicates import (
    columns,
    features,
    fitting,
    measuring,
    model,
    nearby,
    pairs,
    ranking,
)
from vonglau.services.field_reports.duplicates.columns import One
from vonglau.services.field_reports.duplicates.reasons import reasons

DAY = 86_400.0
NOW = 1.75e9
WORDS = ("đèn", "đường", "tối", "ổ", "gà", "rác", "hẻm", "trước", "nhà", "bốc", "mùi", "xe", "cũ", "bỏ")


@st.composite
def places(draw: st.DrawFn) -> list[One]:
    """Some reports close enough together that pairs come about, some without a place or a time."""
    count = draw(st.integers(0, 25))
    return [
        One(
            id=f"r{number}",
            at=draw(st.sampled_from([NOW, NOW + 60, NOW + 3 * DAY, float("nan")]) | st.floats(NOW, NOW + 40 * DAY)),
            lat=draw(st.floats(16.05, 16.053) | st.sampled_from([16.05, 91.0, float("nan")])),
            lon=draw(st.floats(108.2, 108.203) | st.sampled_from([108.2, 179.9999, -179.9999])),
            service=draw(st.sampled_from(["light", "waste"])),
            words=" ".join(draw(st.lists(st.sampled_from(WORDS), max_size=6))),
            address=draw(st.sampled_from(["", "12 Lê Lợi, Hải Châu", "12 Lê Lợi", "14 Lê Lợi"])),
            photo=draw(st.booleans()),
        )
        for number in range(count)
    ]


def prepared(reports: list[One]) -> columns.Prepared:
    shipped = model.shipped()
    return columns.prepare(columns.of(reports), shipped.services, shipped.weights)


def every_pair(reports: list[One], *, later: bool = True) -> set[tuple[str, str]]:
    ready = prepared(reports)
    found = pairs.Generator(ready).of(np.arange(len(reports)), later=later)
    return {(reports[of].id, reports[to].id) for of, to in zip(found.of, found.to, strict=True)}


def ranked(reports: list[One], *, later: bool = True, method: str = "learned") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in ranking.rank_all(columns.of(reports), model.shipped(), method=method, later=later):
        for of, best in zip(part.of, part.to, strict=True):
            found[reports[of].id] = [reports[to].id for to in best if to >= 0]
    return found


@settings(deadline=None, max_examples=60)
@given(places())
def test_a_pair_found_from_one_side_is_found_from_the_other(reports: list[One]) -> None:
    found = every_pair(reports)
    assert found == {(b, a) for a, b in found}
    assert not any(a == b for a, b in found)
    at = {report.id: report.at for report in reports}
    assert every_pair(reports, later=False) == {(a, b) for a, b in found if at[b] < at[a]}


@settings(deadline=None, max_examples=60)
@given(places())
def test_cells_miss_nothing_that_comparing_all_with_all_finds(reports: list[One]) -> None:
    good = [one for one in reports if np.isfinite([one.at, one.lat]).all() and abs(one.lat) <= 90]
    expected = set()
    for a in good:
        for b in good:
            away = pairs.distance(*(np.array([one]) for one in (a.lat, a.lon, b.lat, b.lon)))[0]
            apart = abs(a.at - b.at)
            near = any(away <= reach.metres and apart <= reach.days * DAY for reach in pairs.REACHES)
            if a.id != b.id and near and abs(a.lon - b.lon) < 1:
                expected.add((a.id, b.id))
    assert expected <= every_pair(reports)


@settings(deadline=None, max_examples=40)
@given(places(), st.randoms(use_true_random=False), st.booleans(), st.sampled_from(ranking.METHODS))
def test_a_ranking_is_short_never_itself_and_does_not_depend_on_the_order_of_the_file(
    reports: list[One], chance: random.Random, later: bool, method: str
) -> None:
    first = ranked(reports, later=later, method=method)
    mixed = list(reports)
    chance.shuffle(mixed)
    assert ranked(mixed, later=later, method=method) == first
    for report, named in first.items():
        assert len(named) <= ranking.LIMIT
        assert len(set(named)) == len(named)
        assert report not in named


def test_cutting_the_work_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = crowd(random.Random(4), 300)
    whole = ranked(reports)
    monkeypatch.setattr(ranking, "CHUNK", 7)
    assert ranked(reports) == whole


def test_a_crowded_point_is_answered_and_its_work_is_bounded() -> None:
    reports = [One(f"r{number}", NOW + number, 16.05, 108.2, "light") for number in range(2_000)]
    found = pairs.Generator(prepared(reports)).of(np.arange(2_000), later=True)
    assert len(found.of) <= 2_000 * 2 * pairs.CROWD
    assert all(len(named) == ranking.LIMIT for named in ranked(reports[:700]).values())


@settings(deadline=None, max_examples=60)
@given(places(), st.booleans())
def test_one_against_few_finds_the_pairs_of_the_file(reports: list[One], later: bool) -> None:
    if reports:
        ready = prepared(reports)
        direct = pairs.of_first(ready, later=later)
        sorted_ = pairs.Generator(ready).of(np.zeros(1, dtype=np.int64), later=later)
        assert (direct.of.tolist(), direct.to.tolist()) == (sorted_.of.tolist(), sorted_.to.tolist())
        named = nearby.candidates(reports[0], reports[1:], later=later)
        assert [one.id for one in named] == ranked(reports, later=later)[reports[0].id] if direct.to.size else not named


def test_the_form_and_the_file_give_the_same_answer() -> None:
    reports = sorted(crowd(random.Random(5), 150), key=lambda one: one.at)
    last = reports[-1]
    named = nearby.candidates(last, reports[:-1])
    assert [one.id for one in named] == ranked(reports, later=False)[last.id]
    assert all(one.seconds > 0 for one in named)
    assert nearby.candidates(last, []) == []
    assert last.id not in {one.id for one in nearby.candidates(last, reports, later=True)}


def test_a_candidate_says_why() -> None:
    lamp = One("a", NOW, 16.05, 108.2, "light", "Đèn đường tối om trước nhà văn hoá", "12 Lê Lợi, Hải Châu")
    again = replace(lamp, id="b", at=NOW + 3_600, lat=16.0501, words="den duong van toi om", address="12 LÊ LỢI")
    (found,) = nearby.candidates(again, [lamp])
    assert found.id == "a"
    assert found.metres == pytest.approx(11.1, abs=0.2)
    assert found.seconds == 3_600
    assert found.same_service
    assert found.same_address
    assert {"duong", "toi"} <= set(found.shared)
    with override("vi"):
        assert reasons(found)[:4] == ["cách 11 m", "gửi trước 1 giờ", "cùng lĩnh vực", "cùng địa chỉ"]
    with override("en"):
        assert reasons(found)[:2] == ["11 m away", "sent 1 hour before"]
        assert reasons(replace(found, metres=1_234.0, seconds=-3 * DAY, shared=()))[:2] == [
            "1.2 km away",
            "sent 3 days after",
        ]


def test_another_make_in_the_same_form_is_another_matter() -> None:
    car = One("a", NOW, 16.05, 108.2, "car", "Make: TOYOTA | Colour: blue | Note: two weeks")
    other = replace(car, id="b", at=NOW - 60, words="Make: HONDA | Colour: blue | Note: two weeks")
    ready = prepared([car, replace(car, id="c", at=NOW - 90), other, replace(car, id="d", words="a blue Toyota")])
    of, to = np.zeros(3, dtype=np.int64), np.arange(1, 4)
    alike, unlike = features.compared(ready.form, of, to)
    assert alike.tolist() == [3, 2, 0]
    assert unlike.tolist() == [0, 1, 0]


def crowd(chance: random.Random, count: int) -> list[One]:
    """A town of 300 m by 300 m in which somebody often repeats what another has said."""
    reports: list[One] = []
    for number in range(count):
        fresh = One(
            id=f"r{number}",
            at=NOW + chance.uniform(0, 60) * DAY,
            lat=16.05 + chance.uniform(0, 0.003),
            lon=108.2 + chance.uniform(0, 0.003),
            service=chance.choice(["light", "waste", "road"]),
            words=" ".join(chance.choices(WORDS, k=8)),
            address=f"{chance.randint(1, 90)} Lê Lợi",
        )
        if reports and chance.random() < 0.4:
            other = chance.choice(reports)
            fresh = replace(
                other, id=fresh.id, at=other.at + chance.uniform(600, 5 * DAY), lat=other.lat + chance.uniform(0, 1e-4)
            )
        reports.append(fresh)
    return reports


def labels_of(reports: list[One]) -> list[tuple[str, str]]:
    """What staff of that town would say: the same words at the same address, the first one is the original."""
    first: dict[tuple[str, str], One] = {}
    for one in sorted(reports, key=lambda report: report.at):
        first.setdefault((one.words, one.address), one)
    return [(one.id, first[one.words, one.address].id) for one in reports if first[one.words, one.address] is not one]


SMALL = fitting.Growth(trees=8, depth=3)


def test_what_was_learned_is_what_the_file_says(tmp_path: Path) -> None:
    reports = crowd(random.Random(6), 400)
    file = fitting.fit(columns.of(reports), labels_of(reports), {}, growth=SMALL)
    path = tmp_path / "model.json"
    path.write_bytes(msgspec.json.encode(file))
    loaded = model.load(path)
    hits = total = 0
    later = {}
    for part in ranking.rank_all(columns.of(reports), loaded):
        later |= {reports[of].id: [reports[to].id for to in best] for of, best in zip(part.of, part.to, strict=True)}
    for duplicate, original in labels_of(reports):
        hits, total = hits + (later[duplicate][0] == original), total + 1
    assert hits / total > 0.8


def test_our_trees_say_what_the_trained_ones_said() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    chance = np.random.default_rng(1)
    rows = chance.normal(size=(500, 6))
    target = rows[:, 0] + rows[:, 3] * rows[:, 1] > 0.3
    trained = HistGradientBoostingClassifier(max_iter=20, max_depth=3, learning_rate=0.2, early_stopping=False)
    trained.fit(rows, target)
    ours = model.trees(fitting.as_forest(trained, 3)).sum(rows)
    assert np.allclose(ours, trained.decision_function(rows), atol=1e-4)


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(BadInput, match="at least 50"):
        fitting.fit(columns.of(crowd(random.Random(1), 20)), [], {})


def broken() -> list[tuple[str, object]]:
    return [
        ("format", "vonglau-duplicates/99"),
        ("features", ["distance"]),
        ("rare", -1),
        ("common", {"70000": 1.0}),
        ("common", {"-1": 1.0}),
        ("both.feature", [[99] * 15]),
        ("both.threshold", [[0.0] * 3]),
        ("both.value", [[0.0] * 5]),
        ("both.value", []),
        ("surprise", 1),
    ]


@pytest.mark.parametrize(("key", "value"), broken())
def test_a_hostile_model_is_refused(tmp_path: Path, key: str, value: object) -> None:
    forest = {"start": 0.0, "feature": [[0] * 15], "threshold": [[0.0] * 15], "value": [[0.0] * 16]}
    file: dict[str, object] = {
        "format": model.FORMAT,
        "about": {},
        "features": list(features.NAMES),
        "services": [],
        "rare": 9.0,
        "common": {},
        "both": dict(forest),
        "earlier": dict(forest),
    }
    path = tmp_path / "model.json"
    path.write_text(json.dumps(file))
    assert model.load(path).services == ()
    head, _, rest = key.partition(".")
    if rest:
        file[head][rest] = value  # type: ignore[index]
    else:
        file[head] = value
    path.write_text(json.dumps(file))
    with pytest.raises(BadFile, match=r"model\.json"):
        model.load(path)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("a,b\n", "header"),
        ("report_id,candidate_id,rank\na,a,1\n", "own duplicate"),
        ("report_id,candidate_id,rank\na,b,6\n", "rank from 1 to 5"),
        ("report_id,candidate_id,rank\na,b,1\na,c,1\n", "twice"),
        ("report_id,candidate_id,rank\na,b\n", "line 2"),
    ],
)
def test_a_ranking_that_breaks_its_rules_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "ranked.csv"
    path.write_text(lines)
    with pytest.raises(BadFile, match=said):
        measuring.read_ranked(path)


def test_a_file_without_a_column_says_which(tmp_path: Path) -> None:
    pq.write_table(pa.table({"service_request_id": ["1"], "lat": [1.0]}), tmp_path / "r.parquet")
    with pytest.raises(BadFile, match="no column service_code, requested_datetime, long"):
        columns.read(tmp_path / "r.parquet")
    (tmp_path / "r.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFile, match=r"r\.csv"):
        columns.read(tmp_path / "r.csv")
