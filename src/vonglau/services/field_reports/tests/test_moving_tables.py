"""An export follows the tables there are: none is forgotten, none names what is not exported."""

from django.apps import apps

from vonglau.core.people.models import Agency, Unit
from vonglau.services.field_reports.moving.tables import LEFT_OUT, tables


def test_every_link_leads_to_what_is_exported() -> None:
    """Else a row could be brought in that hangs on nothing, or on what is not its own."""
    known = {table.model for table in tables("live")} | {Agency, Unit}
    links = [
        (table.name, field.name)
        for table in tables("live")
        for field in table.model._meta.concrete_fields
        if field.related_model is not None and field.related_model not in known
    ]
    assert links == []


def test_every_table_of_the_service_is_exported() -> None:
    """A table that somebody adds must lead to a report, or be named: else an export would silently lack it."""
    named = {table.model for table in tables("live")}
    assert not [model for model in apps.get_app_config("field_reports").get_models() if model not in named | LEFT_OUT]
