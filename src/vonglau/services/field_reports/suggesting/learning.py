"""Learns categories from reports whose category is known. The latest tenth sets how sure is sure; then all is learned.

A linear model (logistic regression) over hashed features: small, quick on one core, and every word's push can be shown. A report
counts half as much for every `HALF_LIFE` it is older than the latest: categories change their meaning as a city changes its forms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from vonglau.core.errors import BadInput
from vonglau.services.field_reports.suggesting.features import SIZE, Floats, Reader, Report, Rows
from vonglau.services.field_reports.suggesting.model import FORMAT, Facts, Model
from vonglau.services.field_reports.suggesting.suggest import scores, shares

METHODS = ("full", "tfidf")
LEAST_REPORTS, LEAST_OF_ONE = 40, 5
YEAR = 365.25 * 86_400
HALF_LIFE = 0.25 * YEAR
LARGEST = 80_000
"""Reports learned from: the latest. More cost minutes and, being old, add nothing that was measured."""
STRENGTH = {"full": 3.0, "tfidf": 1.0}
"""Inverse regularisation."""
TEMPERATURES = np.geomspace(0.25, 4.0, 81).tolist()


@dataclass(frozen=True, slots=True)
class Known:
    """A report with its category."""

    report: Report
    code: str


def learn(
    known: Sequence[Known],
    about: dict[str, str],
    *,
    method: str = "full",
    coverage: float = 0.8,
    said: Callable[[str], None] = lambda _: None,
) -> Model:
    """A model that speaks up for about `coverage` of reports like the latest tenth. BadInput for too little to learn from."""
    known = sorted((one for one in known if np.isfinite(one.report.at)), key=lambda one: one.report.at)[-LARGEST:]
    often: dict[str, int] = {}
    for one in known:
        often[one.code] = often.get(one.code, 0) + 1
    codes = tuple(sorted(code for code, count in often.items() if code and count >= LEAST_OF_ONE))
    known = [one for one in known if one.code in codes]
    if len(known) < LEAST_REPORTS or len(codes) < 2:
        raise BadInput(
            f"{len(known)} reports of {len(codes)} categories: at least {LEAST_REPORTS} reports are needed, of two categories or "
            f"more with {LEAST_OF_ONE} reports each. Correct more reports at the desk, or give a longer file."
        )
    blocks = 3 if method == "full" else 1
    reader = Reader()
    reports = [one.report for one in known]
    scale = None if method == "full" else _rarity(reader.rows(reports, blocks=blocks))
    rows = reader.rows(reports, scale, blocks=blocks)
    said(f"{len(known):,} reports of {len(codes)} categories read.")
    target = np.array([codes.index(one.code) for one in known])
    at = np.array([one.report.at for one in known])
    weight = 0.5 ** ((at[-1] - at) / HALF_LIFE) if method == "full" else np.ones(len(at))
    facts = Facts(FORMAT, method, codes, blocks, 1.0, 0.0, about)
    cut = len(known) - max(len(known) // 10, 10)
    if len(np.unique(target[:cut])) == len(codes):
        early = _model(facts, _taken(rows, 0, cut), target[:cut], weight[:cut], scale)
        facts = _calibrated(early, _taken(rows, cut, len(known)), target[cut:], coverage)
        said(f"Sure from {facts.threshold:.2f} on; the latest {len(known) - cut:,} reports said so.")
    model = _model(facts, rows, target, weight, scale)
    said("Learned.")
    return model


def _taken(rows: Rows, start: int, end: int) -> Rows:
    first, last = rows.starts[start], rows.starts[end]
    return Rows(rows.starts[start : end + 1] - first, rows.columns[first:last], rows.values[first:last])


def _rarity(rows: Rows) -> Floats:
    """log((1 + N) / (1 + reports with the feature)) + 1."""
    with_it = np.bincount(rows.columns, minlength=SIZE)
    found: Floats = (np.log((1 + len(rows)) / (1 + with_it)) + 1).astype(np.float32)
    return found


def _model(
    facts: Facts, rows: Rows, target: npt.NDArray[np.int64], weight: npt.NDArray[np.float64], scale: Floats | None
) -> Model:
    table = csr_matrix((rows.values, rows.columns, rows.starts), shape=(len(rows), SIZE))
    trained = LogisticRegression(C=STRENGTH[facts.method], max_iter=100, tol=1e-3)
    trained.fit(table, target, sample_weight=weight)
    weights, bias = trained.coef_.astype(np.float32), trained.intercept_.astype(np.float32)
    if len(facts.codes) == 2:
        weights, bias = np.concatenate([-weights / 2, weights / 2]), np.concatenate([-bias / 2, bias / 2])
    # What the file will hold: the figures are of the model that is kept.
    return Model(facts, weights.astype(np.float16).astype(np.float32), bias, scale)


def _calibrated(model: Model, rows: Rows, target: npt.NDArray[np.int64], coverage: float) -> Facts:
    """The temperature under which confidence is the share of right answers, and the confidence that `coverage` of reports reach."""
    logits = scores(model, rows)

    def loss(temperature: float) -> float:
        right = shares(logits / temperature)[np.arange(len(target)), target]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    temperature = min(TEMPERATURES, key=loss)
    sure = np.sort(shares(logits / temperature).max(axis=1))
    threshold = float(sure[min(int(len(sure) * (1 - coverage)), len(sure) - 1)])
    return Facts(
        FORMAT, model.facts.method, model.facts.codes, model.facts.blocks, temperature, threshold, model.facts.about
    )
