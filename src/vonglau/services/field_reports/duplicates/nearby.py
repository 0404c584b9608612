"""One report against recent ones: for the form while somebody writes, and for the desk. The same ranking as over files, with reasons."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vonglau.services.field_reports.duplicates.columns import One, answers, bucket_of, of, prepare
from vonglau.services.field_reports.duplicates.features import lists
from vonglau.services.field_reports.duplicates.model import Model, shipped
from vonglau.services.field_reports.duplicates.pairs import (
    DAY,
    SAME_ADDRESS_DAYS,
    SAME_WORDS_DAYS,
    distance,
    in_reach,
    of_first,
)
from vonglau.services.field_reports.duplicates.ranking import LIMIT, rank
from vonglau.services.field_reports.text import plain, words_of

SHOWN_WORDS = 4
TELLING = 2.5
"""Weight from which a shared word is worth naming: in fewer than one report of twelve."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An earlier report (or a later one, where asked) that may be about the same matter."""

    id: str
    metres: float
    seconds: float
    """By how much it was sent before; negative: after."""
    score: float
    """Log-odds that staff would name it; comparable among the candidates of one report only."""
    same_service: bool
    same_address: bool
    shared: tuple[str, ...]
    """Words both reports use, the rarest first, lower case without diacritics: of the texts that were given in."""


def candidates(
    report: One, recent: Iterable[One], *, later: bool = False, limit: int = LIMIT, model: Model | None = None
) -> list[Candidate]:
    """At most `limit` candidates for `report` among `recent`, likeliest first, never itself.

    `recent` may be more than is near: what is out of reach (`pairs.REACHES`) is passed over. Give the texts that whoever
    reads the answer may see. `later` looks at reports sent after it too (the desk); the form asks for earlier ones.
    """
    model = model or shipped()
    rows = of([report, *_worth_reading(report, list(recent), later)])
    reports = prepare(rows, model.services, model.weights)
    found = lists(reports, of_first(reports, later=later))
    if not len(found.of):
        return []
    best = rank(reports, found, model, method="learned", later=later)
    place_of = {int(to): place for place, to in enumerate(found.to[0])}
    answer = []
    for to, score in zip(best.to[0][:limit].tolist(), best.score[0][:limit].tolist(), strict=True):
        if to >= 0:
            place = place_of[to]
            answer.append(
                Candidate(
                    id=rows.ids[to],
                    metres=float(found.metres[0, place]),
                    seconds=float(found.seconds[0, place]),
                    score=score,
                    same_service=rows.service[to] == rows.service[0],
                    same_address=bool(reports.address_key[to] == reports.address_key[0] >= 0),
                    shared=_shared(rows.words[0], rows.words[to], model),
                )
            )
    return answer


def _worth_reading(report: One, recent: list[One], later: bool) -> list[One]:
    """Those in reach, and those sent soon before or after, whose words may be the same: only their texts are taken apart."""
    lat, lon, at = (np.array([getattr(one, name) for one in recent], dtype=np.float64) for name in ("lat", "lon", "at"))
    with np.errstate(invalid="ignore"):
        seconds = report.at - at
        metres = distance(np.full(len(at), report.lat), np.full(len(at), report.lon), lat, lon)
        keep = in_reach(metres, seconds) | (np.abs(seconds) <= max(SAME_WORDS_DAYS, SAME_ADDRESS_DAYS) * DAY)
        if not later:
            keep &= seconds > 0
    return [one for one, kept in zip(recent, keep.tolist(), strict=True) if kept]


def _shared(one: str, other: str, model: Model) -> tuple[str, ...]:
    both = set(words_of(plain(answers(one)))) & set(words_of(plain(answers(other))))
    telling = [(-model.weights[bucket_of(word)], word) for word in both if len(word) > 2]
    return tuple(word for weight, word in sorted(telling) if weight <= -TELLING)[:SHOWN_WORDS]
