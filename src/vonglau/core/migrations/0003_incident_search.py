"""Incidents are found by words without diacritics, and by whatever narrows the queue."""

from django.db import migrations, models

import vonglau.core.words
from vonglau.core.rewriting import Rewrite
from vonglau.core.words import plain


def prepare():
    """The words of what is there already."""
    return lambda ref, title, place: (plain(f"{ref} {title} {place}"),)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_access"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="incident",
            name="incident_queue",
        ),
        Rewrite(
            "incident",
            [
                migrations.AddField(
                    model_name="incident",
                    name="words",
                    field=vonglau.core.words.PlainField(default="", editable=False, of=("ref", "title", "place")),
                ),
            ],
            ["ref", "title", "place"],
            ["words"],
            prepare,
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["world", "state", "due_at", "agency"], name="incident_queue"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["world", "ward", "state", "due_at"], name="incident_ward"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["agency", "state", "due_at"], name="incident_agency"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["world", "rank", "state"], name="incident_rank"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["world", "closed_at"], name="incident_closed"),
        ),
    ]
