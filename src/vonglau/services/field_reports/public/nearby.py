"""What was reported already near a place, for whoever is about to report it again. The ranking is the desk's; the words are the public's.

Words of a report that no person has looked at yet are neither shown nor compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from vonglau.core.worlds import World
from vonglau.core.worlds import world as world_of
from vonglau.services.field_reports import beside, rules
from vonglau.services.field_reports.duplicates.columns import One
from vonglau.services.field_reports.duplicates.nearby import candidates
from vonglau.services.field_reports.duplicates.reasons import reasons
from vonglau.services.field_reports.masking import public
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.public import story
from vonglau.services.field_reports.public.facts import facts
from vonglau.services.field_reports.voices import joining

SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """One report as anybody may see it."""

    reference: str
    category: str
    stands: str
    """Where the work stands, in a few words."""
    words: str
    reasons: Sequence[str]
    """How near, how long ago, what is the same."""
    people: int
    photo: int | None
    """Number of its first public photo."""


def near(world: World, lon: float, lat: float, category: str, words: str, now: datetime) -> list[Near]:
    """The likeliest open matters around a point, few. `words`: as they are being written."""
    asked = Report(world=world.pk, lon=lon, lat=lat, category=category, received_at=now)
    return _near(asked, public(words))


def to_report(report: Report) -> list[Near]:
    """The same for one that was just sent."""
    if report.lon is None or report.lat is None:
        return []
    content = getattr(report, "content", None)
    return _near(report, content.public_words if content else "")


def _near(asked: Report, words: str) -> list[Near]:
    others = {report.reference: report for report in beside.in_reach(asked) if report.hidden_at is None}
    own = _one(asked, words)
    found = candidates(own, [_one(other, _words(other)) for other in others.values()], limit=3 * SHOWN)
    told: dict[int, Near] = {}
    for candidate in filter(beside.worth, found):
        report = others[candidate.id]
        if report.incident_id not in told and len(told) < SHOWN:
            told[report.incident_id] = _shown(report, reasons(replace(candidate, shared=())))
    return list(told.values())


def _one(report: Report, words: str) -> One:
    assert report.lat is not None
    assert report.lon is not None
    return One(
        id=report.reference,
        at=report.received_at.timestamp(),
        lat=report.lat,
        lon=report.lon,
        service=report.category,
        words=words,
    )


def _words(report: Report) -> str:
    """ "" before a person has looked, and where they were erased."""
    incident = report.incident
    fate = rules.Fate(incident.state, incident.verified_at, incident.resolved_at, incident.closed_at)
    content = getattr(report, "content", None)
    return str(content.public_words) if content and rules.text_is_public(fate) else ""


def _shown(report: Report, why: Sequence[str]) -> Near:
    photos = reviews.public(report)
    return Near(
        reference=report.reference,
        category=facts(report)["category"],
        stands=story.stands(report.incident, world_of(report.world).now()).headline,
        words=_words(report),
        reasons=why,
        people=joining.people(report.incident),
        photo=photos[0].pk if photos else None,
    )
