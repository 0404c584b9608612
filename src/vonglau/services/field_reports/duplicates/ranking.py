"""Ranks candidates: by the learned trees, or by one of two yardsticks without learning."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from vonglau.services.field_reports.duplicates.columns import Columns, Floats, Ints, Prepared, prepare
from vonglau.services.field_reports.duplicates.features import DAY, Lists, first_look, lists, measure
from vonglau.services.field_reports.duplicates.model import Model
from vonglau.services.field_reports.duplicates.pairs import Generator

METHODS = ("learned", "weighted", "nearest")
LIMIT = 5
CHUNK = 1_000
"""Reports ranked at once: bounds the memory."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """(n, LIMIT) candidates of n reports, best first, -1 for none, with scores (higher is likelier, comparable within a report)."""

    of: Ints
    to: Ints
    score: Floats


def rank_all(
    columns: Columns,
    model: Model,
    *,
    method: str = "learned",
    later: bool = True,
    since: float = -np.inf,
    said: Callable[[int], None] | None = None,
) -> Iterator[Ranked]:
    """Every report of a file against all others, in parts. `said` is told how many reports were done.

    `since`: only reports sent then or later are ranked, against all.
    """
    reports = prepare(columns, model.services, model.weights)
    generator = Generator(reports)
    chosen = np.arange(len(reports)) if since == -np.inf else np.flatnonzero(columns.at >= since)
    for start in range(0, len(chosen), CHUNK):
        rows = chosen[start : start + CHUNK]
        yield rank(reports, lists(reports, generator.of(rows, later=later)), model, method=method, later=later)
        if said:
            said(start + len(rows))


def rank(reports: Prepared, found: Lists, model: Model, *, method: str, later: bool) -> Ranked:
    """The best of each list."""
    scores = _scores(reports, found, model, method, later)
    scores = np.where(found.there, scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :LIMIT]
    best = np.take_along_axis(scores, order, axis=1)
    to = np.where(np.isfinite(best), np.take_along_axis(found.to, order, axis=1), -1)
    return Ranked(found.of, to, best)


def _scores(reports: Prepared, found: Lists, model: Model, method: str, later: bool) -> Floats:
    there = found.there
    same = reports.service_key[found.of][:, None] == reports.service_key[np.maximum(found.to, 0)]
    if method == "nearest":
        near = there & same & (found.metres <= 200.0) & (np.abs(found.seconds) <= 14 * DAY)
        return np.where(near, -found.metres, -np.inf)
    if method == "weighted":
        return first_look(found.metres, found.seconds, same, np.zeros_like(same))
    values = measure(reports, found)
    scores = np.full(there.shape, -np.inf)
    trees = model.both if later else model.earlier
    scores[there] = trees.sum(values[there])
    return scores
