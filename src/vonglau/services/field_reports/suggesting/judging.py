"""A model judged on reports it has not seen, by dates, before anybody installs it. Its figures go into its own file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np

from vonglau.core.facts import categories
from vonglau.services.field_reports.suggesting import keywords
from vonglau.services.field_reports.suggesting.learning import Known
from vonglau.services.field_reports.suggesting.measuring import Judged, curve, score
from vonglau.services.field_reports.suggesting.model import Model
from vonglau.services.field_reports.suggesting.suggest import suggest_all


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def of(model: Model | None, known: Sequence[Known]) -> Judged:
    """What a model, or the keywords where there is none, would have said of each."""
    reports = [one.report for one in known]
    if model is not None:
        said = list(suggest_all(model, reports))
    else:
        declared = tuple(categories().values())
        said = [keywords.suggest(report.words, declared) for report in reports]
    return Judged(
        right=np.array([one.code == suggestion.code for one, suggestion in zip(known, said, strict=True)]),
        confidence=np.array([suggestion.confidence for suggestion in said]),
        abstained=np.array([suggestion.abstained for suggestion in said]),
        truth=tuple(one.code for one in known),
        named=tuple(suggestion.code for suggestion in said),
    )


def _at_80(judged: Judged) -> str:
    return str(next(point.accuracy for point in curve(judged) if point.coverage == 0.8))


def with_figures(model: Model, learned: Sequence[Known], later: Sequence[Known]) -> Model:
    """The same model, which says from when to when it learned, and how good it was on `later`."""
    about = dict(model.facts.about)
    if learned:
        moments = [one.report.at for one in learned]
        about |= {"learned": str(len(learned)), "learned_first": _day(min(moments)), "learned_last": _day(max(moments))}
    if later:
        moments = [one.report.at for one in later]
        judged = of(model, later)
        told = score(judged)
        about |= {
            "judged": str(len(later)),
            "judged_first": _day(min(moments)),
            "judged_last": _day(max(moments)),
            "accuracy_at_80": _at_80(judged),
            "accuracy_all": str(round(float(judged.right.mean()), 4)),
            "spoken_share": str(told["spoken_share"]),
            "spoken_accuracy": str(told["spoken_accuracy"]),
        }
    return _saying(model, about)


def beside(model: Model, later: Sequence[Known], before: Model | None) -> Model:
    """The same model, which also says how good on these reports what was used before is: a model, or the keywords."""
    return _saying(model, {**model.facts.about, "before_at_80": _at_80(of(before, later))}) if later else model


def _saying(model: Model, about: dict[str, str]) -> Model:
    return replace(model, facts=msgspec.structs.replace(model.facts, about=about))
