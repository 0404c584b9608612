"""The likeliest category of a report, how sure that is, and which words moved it. It abstains when it is not sure enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vonglau.services.field_reports.suggesting.features import Reader, Report, Rows, circumstances
from vonglau.services.field_reports.suggesting.model import Model
from vonglau.services.field_reports.text import plain, words_of

PART = 5_000
SHOWN_WORDS = 5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposal; a person decides."""

    code: str
    """The likeliest category; "" when nothing at all speaks for one."""
    confidence: float
    """0 to 1. Of a learned model: how often such a suggestion was right on reports it had not seen."""
    abstained: bool
    moved: tuple[tuple[str, float], ...] = ()
    """Words of the report that spoke for the category against the next likeliest, strongest first, with their push in log-odds."""
    beside: float = 0.0
    """The push of everything else together: place, hour, season, photo, length."""


def scores(model: Model, rows: Rows) -> npt.NDArray[np.float64]:
    """(n, categories) log-odds, divided by the temperature."""
    owner = np.repeat(np.arange(len(rows)), np.diff(rows.starts))
    found = np.empty((len(rows), len(model.facts.codes)))
    for place, weights in enumerate(model.weights):
        push = np.bincount(owner, weights=weights[rows.columns] * rows.values, minlength=len(rows))
        found[:, place] = push + model.bias[place]
    return found / model.facts.temperature


def shares(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Softmax by rows."""
    up = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: npt.NDArray[np.float64] = up / up.sum(axis=1, keepdims=True)
    return found


def suggest_all(model: Model, reports: Sequence[Report]) -> Iterator[Suggestion]:
    """Without the words that moved it: for files."""
    reader = Reader()
    for start in range(0, len(reports), PART):
        rows = reader.rows(reports[start : start + PART], model.scale, blocks=model.facts.blocks)
        sure = shares(scores(model, rows))
        for code, confidence in zip(sure.argmax(axis=1).tolist(), sure.max(axis=1).tolist(), strict=True):
            yield Suggestion(model.facts.codes[code], confidence, confidence < model.facts.threshold)


def suggest(model: Model, report: Report) -> Suggestion:
    """One report, with what moved it."""
    reader = Reader()
    rows = reader.rows([report], model.scale, blocks=model.facts.blocks)
    logits = scores(model, rows)[0]
    best, *others = np.argsort(-logits, kind="stable").tolist()
    confidence = float(shares(logits[None, :])[0, best])
    push = (model.weights[best] - model.weights[others[0]]) / model.facts.temperature
    pushes = dict(zip(rows.columns.tolist(), (push[rows.columns] * rows.values).tolist(), strict=True))
    return Suggestion(
        code=model.facts.codes[best],
        confidence=confidence,
        abstained=confidence < model.facts.threshold,
        moved=_moved(reader, report, pushes),
        beside=sum(pushes.get(reader.name(name), 0.0) for name in dict.fromkeys(circumstances(report))),
    )


def _moved(reader: Reader, report: Report, pushes: dict[int, float]) -> tuple[tuple[str, float], ...]:
    """Each word with its own push, that of its pieces and half of each pair it stands in; as the citizen wrote it, once."""
    written = words_of(report.words)
    words = words_of(plain(report.words))
    if len(written) != len(words):
        written = words
    total: dict[str, float] = {}
    shown: dict[str, str] = {}
    pieces_of = {word: reader.word(word) for word in words}
    uses: dict[int, int] = {}
    for own, pieces in pieces_of.values():
        for one in (own, *pieces):
            uses[one] = uses.get(one, 0) + 1
    for word, (own, pieces) in pieces_of.items():
        total[word] = sum(pushes.get(one, 0.0) / uses[one] for one in (own, *pieces))
    for first, second in dict.fromkeys(pairwise(words)):
        half = pushes.get(reader.pair(first, second), 0.0) / 2
        total[first] += half
        total[second] += half
    for word, form in zip(words, written, strict=True):
        shown.setdefault(word, form)
    strongest = sorted(((push, word) for word, push in total.items() if push > 0), reverse=True)[:SHOWN_WORDS]
    return tuple((shown[word], round(push, 3)) for push, word in strongest)
