"""Boosted trees as plain arrays: small enough to read, nothing in them can run.

A tree of depth d is a heap: the children of node i are 2i+1 and 2i+2. At a node, a number that is at most the threshold goes
left, every other to the right.
"""

from dataclasses import dataclass

import numpy as np

from vonglau.services.field_reports.duplicates.columns import Floats, Ints

CHUNK = 1_024


@dataclass(frozen=True, slots=True)
class Trees:
    """`feature` and `threshold` (trees, 2^depth - 1), `value` (trees, 2^depth), and what is added to their sum."""

    feature: Ints
    threshold: Floats
    value: Floats
    start: float

    @property
    def depth(self) -> int:
        return int(self.value.shape[1]).bit_length() - 1

    def sum(self, rows: Floats) -> Floats:
        """(n, features) → (n,): log-odds."""
        found = np.empty(len(rows))
        trees, inner = self.feature.shape
        feature, threshold, value = self.feature.ravel(), self.threshold.ravel(), self.value.ravel()
        first, first_leaf = np.arange(trees) * inner, np.arange(trees) * (inner + 1)
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            flat, line = part.ravel(), (np.arange(len(part)) * part.shape[1])[:, None]
            node = np.zeros((len(part), trees), dtype=np.int64)
            for _ in range(self.depth):
                at = node + first
                right = ~(flat.take(line + feature.take(at)) <= threshold.take(at))
                node = 2 * node + 1 + right
            found[start : start + CHUNK] = value.take(node - inner + first_leaf).sum(axis=1)
        return found + self.start
