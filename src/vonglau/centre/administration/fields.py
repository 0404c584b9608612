"""Form fields that several pages of the administration share."""

from typing import Any

from django import forms

from vonglau.core.people.names import agency_name


class Agencies(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One agency, by the name it has in the reader's language."""

    def label_from_instance(self, obj: Any) -> str:
        return agency_name(obj)
