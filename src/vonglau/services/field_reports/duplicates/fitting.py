"""Learns the ranking from pairs that staff named: a report, and the original it repeats.

Boosted trees over the candidates of each labelled report; the named one against the others. What is learned becomes plain numbers
(`model`). Word weights come from the reports before the cut alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from vonglau.core.errors import BadInput
from vonglau.services.field_reports.duplicates.columns import BUCKETS, Columns, Floats, Ints, Prepared, prepare
from vonglau.services.field_reports.duplicates.features import NAMES, Lists, lists, measure
from vonglau.services.field_reports.duplicates.model import FORMAT, File, Forest
from vonglau.services.field_reports.duplicates.pairs import Generator

LEAST_PAIRS = 50
COMMON = 5e-5
"""A word in a smaller part of the reports is simply rare."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How the trees are grown."""

    trees: int = 300
    depth: int = 4
    rate: float = 0.04
    leaf: int = 20
    calm: float = 5.0
    """L2 regularisation of the leaves."""
    features: float = 0.4
    """Share of the features a split may choose from."""
    seed: int = 0


GROWTH = Growth()


def fit(
    columns: Columns,
    labels: Sequence[tuple[str, str]],
    about: dict[str, str],
    until: float = np.inf,
    growth: Growth = GROWTH,
    said: Callable[[str], None] = lambda _: None,
) -> File:
    """A model from labelled pairs (duplicate, original) whose duplicate was sent before `until`. BadInput for too few."""
    row_of = {id: row for row, id in enumerate(columns.ids)}
    pairs = {
        row_of[one]: row_of[other]
        for one, other in labels
        if one in row_of and other in row_of and columns.at[row_of[one]] < until
    }
    if len(pairs) < LEAST_PAIRS:
        raise BadInput(
            f"Only {len(pairs)} labelled pairs of this file lie before the date; at least {LEAST_PAIRS} are needed."
        )
    services = _by_haste(columns, pairs)
    plain = prepare(columns, services, np.ones(BUCKETS))
    rare, common = _weights(plain, columns.at < until)
    weights = np.full(BUCKETS, rare)
    weights[list(common)] = list(common.values())
    said(f"{len(pairs):,} pairs; words weighed.")
    reports = prepare(columns, services, weights)
    generator = Generator(reports)
    forests = {}
    for later in (True, False):
        rows = np.array(
            sorted(row for row, to in pairs.items() if later or columns.at[to] < columns.at[row]), dtype=np.int64
        )
        found = lists(reports, generator.of(rows, later=later))
        forests[later] = _grow(reports, found, pairs, growth)
        said(f"{len(rows):,} reports learned from, {'both ways' if later else 'earlier ones only'}.")
    return File(
        format=FORMAT,
        about=about,
        features=list(NAMES),
        services=list(services),
        rare=rare,
        common={str(bucket): weight for bucket, weight in sorted(common.items())},
        both=forests[True],
        earlier=forests[False],
    )


def _by_haste(columns: Columns, pairs: dict[int, int]) -> tuple[str, ...]:
    """Services of the labelled reports, by the median time between a report and its original: the trees cut along this order."""
    gaps: dict[str, list[float]] = {}
    for row, to in pairs.items():
        gaps.setdefault(columns.service[row], []).append(abs(columns.at[row] - columns.at[to]))
    return tuple(sorted(gaps, key=lambda code: (float(np.median(gaps[code])), code)))


def _weights(reports: Prepared, counted: np.ndarray) -> tuple[float, dict[int, float]]:
    """log(N / reports with the word), to two decimals: for all but common words one weight."""
    tokens = reports.words
    owner = np.repeat(np.arange(len(reports)), np.diff(tokens.starts))
    used = tokens.hashes[counted[owner]]
    total = max(int(counted.sum()), 2)
    often = np.bincount(used, minlength=BUCKETS)
    floor = max(COMMON * total, 2.0)
    common = {int(bucket): round(float(np.log(total / often[bucket])), 2) for bucket in np.flatnonzero(often > floor)}
    return round(float(np.log(total / floor)), 2), common


def _grow(reports: Prepared, found: Lists, pairs: dict[int, int], growth: Growth) -> Forest:
    there = found.there
    named = found.to == np.array([pairs[int(row)] for row in found.of], dtype=np.int64)[:, None]
    useful = there & named.any(axis=1, keepdims=True)
    values = measure(reports, found)
    trained = HistGradientBoostingClassifier(
        max_iter=growth.trees,
        max_depth=growth.depth,
        learning_rate=growth.rate,
        min_samples_leaf=growth.leaf,
        l2_regularization=growth.calm,
        max_features=growth.features,
        early_stopping=False,
        random_state=growth.seed,
    ).fit(values[useful], named[useful])
    return as_forest(trained, growth.depth)


def as_forest(trained: HistGradientBoostingClassifier, depth: int) -> Forest:
    """The grown trees as numbers. scikit-learn offers no public way to them; a test compares what both say."""
    heaps = [heap(trees[0].nodes, depth) for trees in trained._predictors]
    return forest(heaps, float(np.ravel(trained._baseline_prediction)[0]))


def forest(grown: Sequence[tuple[Ints, Floats, Floats]], start: float) -> Forest:
    """Heaps as lists of numbers."""
    return Forest(
        start=round(start, 6),
        feature=[feature.tolist() for feature, _, _ in grown],
        threshold=[threshold.tolist() for _, threshold, _ in grown],
        value=[[round(one, 6) for one in value.tolist()] for _, _, value in grown],
    )


def heap(nodes: Any, depth: int) -> tuple[Ints, Floats, Floats]:
    """A grown tree (a table of nodes, the root first) as a full heap: a leaf above the ground is repeated below."""
    inner = (1 << depth) - 1
    feature = np.zeros(inner, dtype=np.int64)
    threshold = np.zeros(inner)
    value = np.zeros(inner + 1)
    ahead = [(0, 0)]
    while ahead:
        at, place = ahead.pop()
        node = nodes[at]
        if place >= inner:
            value[place - inner] = node["value"]
            continue
        if not node["is_leaf"]:
            feature[place], threshold[place] = node["feature_idx"], node["num_threshold"]
        ahead.append((at if node["is_leaf"] else int(node["left"]), 2 * place + 1))
        ahead.append((at if node["is_leaf"] else int(node["right"]), 2 * place + 2))
    return feature, threshold, value
