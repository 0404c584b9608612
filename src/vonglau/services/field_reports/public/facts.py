"""What a report is about, in the reader's language."""

from django.utils.translation import get_language

from vonglau.core.facts import categories
from vonglau.kit import wards
from vonglau.services.field_reports.models import Report


def facts(report: Report) -> dict[str, str]:
    """`category` and `ward` by name; an empty ward where none is known."""
    language = "en" if (get_language() or "vi").startswith("en") else "vi"
    category = categories().get(report.category)
    return {
        "category": category.name[language] if category else report.category,
        "ward": wards.ward_names([report.ward]).get(report.ward, ""),
    }
