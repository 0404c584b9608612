"""Notices to people without an account: their address is looked up when one is sent, and stands in no row of the outbox."""

import re

from vonglau.core.notify.channel import NotDelivered
from vonglau.core.notify_models import Notice
from vonglau.core.seams import Letter, Letters, services

HIDDEN = "…"


def _letters(notice: Notice) -> Letters | None:
    name = notice.recipient.partition("/")[0]
    return next((one.letters for one in services() if one.name == name), None)


def of(notice: Notice) -> Letter:
    """Raises NotDelivered (moot) when there is nobody left to be told."""
    letters = _letters(notice)
    found = letters.of(notice) if letters is not None else None
    if found is None:
        raise NotDelivered("They are not to be told any more.", moot=True)
    return found


def settled(notice: Notice, problem: NotDelivered | None) -> None:
    """In the transaction that records what came of a send."""
    letters = _letters(notice)
    if problem is not None and problem.gone and letters is not None:
        letters.gone(notice)


def hidden(problem: NotDelivered, *addresses: str) -> NotDelivered:
    """The same problem in words that name no address: they are kept, and shown to administrators."""
    said = problem.message
    for address in filter(None, addresses):
        said = re.sub(re.escape(address), HIDDEN, said, flags=re.IGNORECASE)
    made = NotDelivered(said, status_code=problem.status_code, retry_after=problem.retry_after, final=problem.final)
    made.gone, made.moot = problem.gone, problem.moot
    return made
