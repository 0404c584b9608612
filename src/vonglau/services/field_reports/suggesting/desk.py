"""What an installation's own desk has taught: the words of reports it verified, under the category it left or put there."""

from collections.abc import Iterator

from vonglau.core.errors import BadInput
from vonglau.core.events import LIVE
from vonglau.core.incidents.states import State
from vonglau.services.field_reports.models import Content
from vonglau.services.field_reports.suggesting.features import Report
from vonglau.services.field_reports.suggesting.learning import Known

EVERY = 1_000


def known(world: str = LIVE) -> Iterator[Known]:
    """Reports of one world that a person verified and did not refuse, with words that were not erased.

    The words as the public may read them: numbers, plates and addresses that identify somebody are learned by nobody.
    The category is the incident's, which the desk corrects; what the citizen chose stays in `Report.category`. A merged
    report counts too: its words are about the same matter. Drills never teach the live city.
    """
    rows = (
        Content.objects.filter(report__world=world, report__incident__verified_at__isnull=False)
        .exclude(report__incident__state=State.REFUSED)
        .exclude(report__incident__category="")
        .exclude(public_words="")
        .order_by("report_id")
        .values_list(
            "public_words",
            "media_url",
            "report__received_at",
            "report__lat",
            "report__lon",
            "report__incident__category",
        )
    )
    for words, link, at, lat, lon, category in rows.iterator(EVERY):
        nowhere = float("nan")
        yield Known(
            Report(
                words=words,
                at=at.timestamp(),
                lat=nowhere if lat is None else lat,
                lon=nowhere if lon is None else lon,
                photo=bool(link),
            ),
            category,
        )


def corrections(world: str = LIVE) -> int:
    """How many of them the desk filed otherwise than the citizen."""
    from django.db.models import F

    return (
        Content.objects.filter(report__world=world, report__incident__verified_at__isnull=False)
        .exclude(report__incident__state=State.REFUSED)
        .exclude(report__incident__category="")
        .exclude(public_words="")
        .exclude(report__incident__category=F("report__category"))
        .count()
    )


def learned_from(world: str = LIVE) -> list[Known]:
    """All of them. BadInput when there are none."""
    found = list(known(world))
    if not found:
        raise BadInput(f"The desk of {world!r} has verified no report with words yet: there is nothing to learn from.")
    return found
