"""What the desk reads of a suggestion: the category, how sure it is, and the words of the report that moved it."""

import math
from pathlib import Path

from django.conf import settings
from django.utils.formats import localize
from django.utils.translation import gettext as _

from vonglau.core.facts import categories
from vonglau.services.field_reports.models import Content, Report
from vonglau.services.field_reports.suggesting import features, installed


def of(report: Report, language: str) -> str:
    """One line in the active language; "" where it abstains or there are no words. Reads the public form of the words alone."""
    words = Content.objects.filter(report=report).values_list("public_words", flat=True).first()
    if not words:
        return ""
    asked = features.Report(
        words=words,
        at=report.received_at.timestamp(),
        lat=math.nan if report.lat is None else report.lat,
        lon=math.nan if report.lon is None else report.lon,
        photo=report.photos.exists(),
    )
    found = installed.suggest_for(asked, Path(settings.VONGLAU_DATA))
    if found.abstained:
        return ""
    sure = _("%(category)s, chắc %(percent)s %%") % {
        "category": categories()[found.code].name[language],
        "percent": localize(round(found.confidence * 100)),
    }
    moved = ", ".join(word for word, _push in found.moved)
    return _("%(sure)s, vì có: %(words)s") % {"sure": sure, "words": moved} if moved else sure
