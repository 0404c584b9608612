"""What staff must choose from, and the sentences offered to them: coded refusals, doors to redirect to, templates of results.

The facts stand in `data/reasons/`; which file holds for an incident is said by its kind (`IncidentKind.wording`).
"""

import re
from functools import cache

import msgspec

from vonglau.core.errors import BadFile, BadInput
from vonglau.core.facts import Text, data_path, read_yaml, unique
from vonglau.core.incidents.states import REFUSING, RESOLVING, Outcome
from vonglau.core.seams import incident_kinds

BLANK = re.compile(r"\[[^\[\]\n]{1,60}\]")
"""A blank of a template, as it stands in the text until somebody fills it."""


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A coded sentence. `outcome`: with which outcome of the state table it goes. `hidden`: what was refused so is shown to nobody else."""

    code: str
    outcome: str
    name: Text
    template: Text
    hidden: bool = False


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A door that a matter may be redirected to."""

    code: str
    name: Text


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of `data/reasons/`."""

    source: str
    refusals: tuple[Template, ...]
    targets: tuple[Target, ...]
    results: tuple[Template, ...]

    def refusal(self, code: str) -> Template | None:
        return next((one for one in self.refusals if one.code == code), None)

    def target(self, code: str) -> Target | None:
        return next((one for one in self.targets if one.code == code), None)


@cache
def read(name: str) -> Wording:
    """The wording of that name. BadFile says what is wrong with it."""
    path = data_path("reasons", f"{name}.yaml")
    found = read_yaml(path, Wording)
    for what, rows in (("refusal", found.refusals), ("target", found.targets), ("result", found.results)):
        unique(path, what, [row.code for row in rows])
    for rows, allowed in ((found.refusals, REFUSING), (found.results, RESOLVING)):
        for row in rows:
            if row.outcome not in allowed:
                raise BadFile(f"{path}: {row.code} has the outcome {row.outcome}; use one of {', '.join(allowed)}")
    return found


def of(kind: str) -> Wording | None:
    """What holds for a kind of incident; None: nothing is prescribed."""
    known = incident_kinds().get(kind)
    return read(known[1].wording) if known and known[1].wording else None


@cache
def _blanks(wording: Wording) -> frozenset[str]:
    """Every blank of every template, in both languages."""
    texts = (text for row in (*wording.refusals, *wording.results) for text in (row.template.vi, row.template.en))
    return frozenset(blank for text in texts for blank in BLANK.findall(text))


def unfilled(wording: Wording, text: str) -> list[str]:
    """The blanks that are still empty, in their order. Other square brackets are the writer's own."""
    return [blank for blank in BLANK.findall(text) if blank in _blanks(wording)]


def check(kind: str, *, why: str, outcome: str, reason: str, target: str, refusing: bool) -> None:
    """Raises BadInput, whose pointer names the member that is missing or wrong: /reason, /target or /why."""
    wording = of(kind)
    if wording is None:
        return
    if refusing:
        chosen = wording.refusal(reason)
        if chosen is None or chosen.outcome != outcome:
            codes = ", ".join(row.code for row in wording.refusals if row.outcome == outcome)
            raise BadInput(f"A refusal that is {outcome!r} names its reason: one of {codes}.", pointer="/reason")
        if outcome == Outcome.REDIRECTED and wording.target(target) is None:
            codes = ", ".join(row.code for row in wording.targets)
            raise BadInput(f"A redirection names whom it leads to: one of {codes}.", pointer="/target")
    if left := unfilled(wording, why):
        raise BadInput(f"The template has blanks that are not filled: {', '.join(left)}.", pointer="/why", blanks=left)
