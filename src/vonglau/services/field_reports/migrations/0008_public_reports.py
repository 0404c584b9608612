"""What anybody may see of reports, in a table of its own: filled from what is there."""

import sys

import django.db.models.deletion
from django.db import migrations, models

import vonglau.core.words
from vonglau.services.field_reports.published import writing

EVERY = 50_000


def fill(apps, schema_editor):
    def said(done, total):
        if total > EVERY and done % EVERY == 0:
            print(f"  {done:,} of {total:,} reports made public", file=sys.stderr, flush=True)

    writing.fill(said, apps)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0014_late_before"),
        ("field_reports", "0007_hidden"),
    ]

    operations = [
        migrations.CreateModel(
            name="PublicReport",
            fields=[
                (
                    "report",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="public",
                        serialize=False,
                        to="field_reports.report",
                    ),
                ),
                ("world", models.CharField(max_length=63)),
                ("reference", models.CharField(max_length=40)),
                ("category", models.CharField(max_length=60)),
                ("level", models.CharField(max_length=20)),
                ("ward", models.CharField(blank=True, max_length=5)),
                ("lon", models.FloatField(null=True)),
                ("lat", models.FloatField(null=True)),
                ("place", models.CharField(blank=True, max_length=200)),
                ("cell", models.BigIntegerField(null=True)),
                ("state", models.CharField(max_length=12)),
                ("outcome", models.CharField(blank=True, max_length=12)),
                ("running", models.BooleanField()),
                ("waiting", models.BooleanField(default=False)),
                ("reopened", models.PositiveSmallIntegerField(default=0)),
                ("was_late", models.BooleanField(default=False)),
                ("planned_for", models.DateField(null=True)),
                ("merged", models.BooleanField(default=False)),
                ("keeper", models.CharField(blank=True, max_length=40)),
                ("joined", models.PositiveIntegerField(default=0)),
                ("received_at", models.DateTimeField()),
                ("verified_at", models.DateTimeField(null=True)),
                ("resolved_at", models.DateTimeField(null=True)),
                ("took", models.PositiveIntegerField(null=True)),
                ("updated_at", models.DateTimeField()),
                ("receive_due", models.DateTimeField(null=True)),
                ("handle_due", models.DateTimeField(null=True)),
                ("words", models.TextField(blank=True)),
                ("photo", models.BigIntegerField(null=True)),
                ("photos", models.PositiveSmallIntegerField(default=0)),
                ("plain", vonglau.core.words.PlainField(default="", editable=False, of=("reference", "words"))),
                (
                    "agency",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.agency"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["world", "cell", "received_at", "merged", "running", "category", "lon", "lat"],
                        name="public_cell",
                    ),
                    models.Index(fields=["world", "-received_at", "-report", "lon", "lat"], name="public_recent"),
                    models.Index(fields=["world", "running", "-received_at", "-report"], name="public_running"),
                    models.Index(fields=["world", "category", "-received_at", "-report"], name="public_category"),
                    models.Index(fields=["world", "ward", "-received_at", "-report"], name="public_ward"),
                    models.Index(fields=["world", "agency", "-received_at", "-report"], name="public_agency"),
                    models.Index(fields=["world", "updated_at", "report"], name="public_updated"),
                    models.Index(fields=["world", "resolved_at"], name="public_resolved"),
                ],
                "constraints": [models.UniqueConstraint(fields=("world", "reference"), name="public_reference")],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
