"""Field reports: what is public of them."""

from collections.abc import Iterator

from vonglau.services.field_reports.published import writing
from vonglau.web.checks import Place, check


@check(
    "public-reports",
    find="field_reports_publicreport beside field_reports_report, core_incident and field_reports_content",
    do="Run `vonglau reports publish`: it derives every public row anew. If it happens again, report it.",
)
def public_reports(place: Place) -> Iterator[str]:
    """What anybody may see of a field report is exactly what follows from the report, its incident, its words and its photos."""
    yield from writing.differences()
