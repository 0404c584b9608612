"""What is measured of a pair, and of its place among the other candidates of the same report.

A list is a report with at most `KEPT` candidates, as rows of a rectangle padded with -1. Of a pair: distance, time, service,
words, address. Of its place: how many are nearer, whether it comes first in time, how many similar ones lie before it; staff
call the first report of a matter the original.
"""

from dataclasses import dataclass

import numpy as np

from vonglau.services.field_reports.duplicates.columns import BUCKETS, Bools, Floats, Forms, Ints, Prepared, Tokens
from vonglau.services.field_reports.duplicates.pairs import Pairs, distance

KEPT = 32
"""Candidates of a report that are measured closely: the likeliest by `first_look`."""

HOUR, DAY = 3_600.0, 86_400.0

NAMES = (
    "distance", "hours", "hours_apart", "same_service", "service_of", "service_to", "words", "rarest_word",
    "same_words", "no_words_of", "no_words_to", "address", "same_house", "houses_apart", "same_street",
    "photo_of", "photo_to", "first_look", "nearer", "sooner", "better_words", "place_of_list", "behind_best",
    "after_first", "words_behind", "metres_behind", "before_within_60", "before_within_20", "matches_others",
    "form_alike", "form_unlike",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lists:
    """Candidates of some reports."""

    of: Ints
    """(n,) row numbers of the reports."""
    to: Ints
    """(n, KEPT) row numbers of their candidates, likeliest first; -1: none."""
    metres: Floats
    seconds: Floats
    """By how much the candidate was sent before the report; negative: after it."""
    look: Floats
    """`first_look`, -inf where there is none."""

    @property
    def there(self) -> Bools:
        return self.to >= 0


def first_look(metres: Floats, seconds: Floats, same_service: Bools, same_words: Bools) -> Floats:
    """A score from distance, time, service and equal words alone: chooses whom to measure closely, and is a yardstick itself."""
    days = np.abs(seconds) / DAY
    found: Floats = -np.minimum(metres, 400.0) / 60 - 0.6 * np.log1p(days) + 1.5 * same_service + 4.0 * same_words
    return found


def lists(reports: Prepared, pairs: Pairs, kept: int = KEPT) -> Lists:
    """The likeliest candidates of each report in `pairs`. Ties go to the earlier, then by id, whatever the order of the file."""
    columns = reports.columns
    of, to = pairs.of, pairs.to
    metres = distance(columns.lat[of], columns.lon[of], columns.lat[to], columns.lon[to])
    seconds = columns.at[of] - columns.at[to]
    same_words = (reports.text_key[of] == reports.text_key[to]) & (reports.text_key[of] >= 0)
    look = first_look(metres, seconds, reports.service_key[of] == reports.service_key[to], same_words)
    order = np.lexsort((reports.id_key[to], columns.at[to], -look, of))
    of, to, metres, seconds, look = of[order], to[order], metres[order], seconds[order], look[order]
    asked, starts = np.unique(of, return_index=True)
    place = np.arange(len(of)) - np.repeat(starts, np.diff(np.append(starts, len(of))))
    keep = place < kept
    row = np.searchsorted(asked, of[keep])
    shape = (len(asked), kept)

    def filled(values: Floats, nothing: float) -> Floats:
        found = np.full(shape, nothing)
        found[row, place[keep]] = values[keep]
        return found

    chosen = np.full(shape, -1, dtype=np.int64)
    chosen[row, place[keep]] = to[keep]
    return Lists(asked, chosen, filled(metres, np.nan), filled(seconds, np.nan), filled(look, -np.inf))


def shared(tokens: Tokens, of: Ints, to: Ints) -> tuple[Floats, Floats]:
    """Cosine of each pair's words, and the weight of the rarest word both have (0: none)."""
    pair, at, _ = _common(tokens, of, to)
    weight = tokens.weights[at]
    product = np.bincount(pair, weights=weight * weight, minlength=len(of))
    lengths = tokens.lengths[of] * tokens.lengths[to]
    rarest = np.zeros(len(of))
    np.maximum.at(rarest, pair, weight)
    cosine: Floats = np.divide(product, lengths, out=np.zeros(len(of)), where=lengths > 0)
    return np.minimum(cosine, 1.0), rarest


def compared(forms: Forms, of: Ints, to: Ints) -> tuple[Ints, Ints]:
    """Questions that both of a pair answered alike, and otherwise: another make of car is another car."""
    pair, left, right = _common(forms, of, to)
    alike = forms.said[left] == forms.said[right]
    asked = np.bincount(pair, minlength=len(of))
    same = np.bincount(pair[alike], minlength=len(of))
    return same, asked - same


def _common(sets: Tokens | Forms, of: Ints, to: Ints) -> tuple[Ints, Ints, Ints]:
    """What both of a pair have: number of the pair, where it stands of the one, and of the other."""
    left, left_at = _spread(sets, of)
    right, right_at = _spread(sets, to)
    place = np.searchsorted(right, left)
    hit = place < len(right)
    hit[hit] = right[place[hit]] == left[hit]
    return left[hit] // BUCKETS, left_at[hit], right_at[place[hit]]


def _spread(sets: Tokens | Forms, rows: Ints) -> tuple[Ints, Ints]:
    """Every entry of every row as one ascending key (place of the row, hash), and where it stands."""
    counts = sets.starts[rows + 1] - sets.starts[rows]
    owner = np.repeat(np.arange(len(rows)), counts)
    steps = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    at = np.repeat(sets.starts[rows], counts) + steps
    return owner * BUCKETS + sets.hashes[at], at


def measure(reports: Prepared, found: Lists) -> Floats:
    """(n, KEPT, features) float32-exact numbers, NaN where there is no candidate."""
    there = found.there
    shape = there.shape
    row, place = np.nonzero(there)
    of, to = found.of[row], found.to[row, place]
    values = np.full((*shape, len(NAMES)), np.nan)

    def put(name: str, flat: Floats | Bools | Ints) -> Floats:
        layer = np.full(shape, np.nan)
        layer[row, place] = flat
        values[:, :, NAMES.index(name)] = layer
        return layer

    put("distance", found.metres[there])
    put("hours", found.seconds[there] / HOUR)
    apart = put("hours_apart", np.abs(found.seconds[there]) / HOUR)
    put("same_service", reports.service_key[of] == reports.service_key[to])
    put("service_of", reports.service[of])
    put("service_to", reports.service[to])
    cosine, rarest = shared(reports.words, of, to)
    words = put("words", cosine)
    put("rarest_word", rarest)
    put("same_words", (reports.text_key[of] == reports.text_key[to]) & (reports.text_key[of] >= 0))
    put("no_words_of", reports.words.lengths[of] == 0)
    put("no_words_to", reports.words.lengths[to] == 0)
    same, other = compared(reports.form, of, to)
    put("form_alike", same)
    put("form_unlike", other)
    put("address", shared(reports.address, of, to)[0])
    houses = np.abs(reports.house[of] - reports.house[to])
    put("same_house", houses == 0)
    put("houses_apart", np.where(np.isnan(houses), 999.0, np.minimum(houses, 500.0)))
    put("same_street", (reports.street_key[of] == reports.street_key[to]) & (reports.street_key[of] >= 0))
    put("photo_of", reports.columns.photo[of])
    put("photo_to", reports.columns.photo[to])
    _among(reports, found, words, apart, values)
    # To what a 32-bit number can hold, as the trees were grown on.
    values_32: Floats = values.astype(np.float32).astype(np.float64)
    return values_32


def _among(reports: Prepared, found: Lists, words: Floats, apart: Floats, values: Floats) -> None:
    """The features of a pair's place among the other candidates."""
    there = found.there

    def put(name: str, layer: Floats | Ints) -> None:
        values[:, :, NAMES.index(name)] = np.where(there, layer, np.nan)

    look = found.look
    best = look.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        behind = np.where(there, look - best, -np.inf)
    to = np.maximum(found.to, 0)
    at = np.where(there, reports.columns.at[to], np.inf)
    first = np.where(behind > -2.0, at, np.inf).min(axis=1, keepdims=True)
    put("first_look", look)
    put("nearer", _rank(found.metres))
    put("sooner", _rank(apart))
    put("better_words", _rank(-words))
    put("place_of_list", np.broadcast_to(np.arange(there.shape[1]), there.shape))
    put("behind_best", behind)
    with np.errstate(invalid="ignore"):
        put("after_first", (at - first) / HOUR)
        put("words_behind", words - np.where(there, words, -1.0).max(axis=1, keepdims=True))
        put("metres_behind", found.metres - np.where(there, found.metres, np.inf).min(axis=1, keepdims=True))
    lat, lon = reports.columns.lat[to], reports.columns.lon[to]
    metres = distance(lat[:, :, None], lon[:, :, None], lat[:, None, :], lon[:, None, :])
    service = reports.service_key[to]
    with np.errstate(invalid="ignore"):
        age = at[:, :, None] - at[:, None, :]
    before = (age > 0) & (age < 30 * DAY) & (service[:, :, None] == service[:, None, :]) & there[:, None, :]
    put("before_within_60", (before & (metres < 60.0)).sum(axis=2))
    put("before_within_20", (before & (metres < 20.0)).sum(axis=2))
    put("matches_others", (there[:, None, :] & (metres < 60.0) & (np.abs(age) < 30 * DAY)).sum(axis=2))


def _rank(layer: Floats) -> Ints:
    """Place of each number in its row, 0 the smallest; equal ones in the order of the list, none at the end."""
    order = np.argsort(np.where(np.isnan(layer), np.inf, layer), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(layer.shape[1]), layer.shape), axis=1)
    return ranks
