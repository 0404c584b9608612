"""People around a report, and what they think of results."""

import django.db.models.deletion
from django.db import migrations, models

import vonglau.core.lookup
import vonglau.core.vault


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0012_routing"),
        ("field_reports", "0008_public_reports"),
    ]

    operations = [
        migrations.CreateModel(
            name="Voice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("part", models.CharField(max_length=10)),
                ("token", models.CharField(max_length=32, unique=True)),
                ("channel", models.CharField(blank=True, max_length=10)),
                ("address", vonglau.core.vault.SealedTextField(blank=True)),
                (
                    "address_digest",
                    vonglau.core.lookup.DigestField(
                        db_index=True, default="", editable=False, max_length=64, of="address_exact"
                    ),
                ),
                ("secret", vonglau.core.vault.SealedTextField(blank=True)),
                ("code", models.CharField(blank=True, max_length=32)),
                ("language", models.CharField(default="vi", max_length=2)),
                ("site", models.CharField(blank=True, max_length=200)),
                ("device", models.CharField(blank=True, max_length=64)),
                ("network", models.CharField(blank=True, max_length=64)),
                ("counted", models.BooleanField(default=True)),
                ("sent_by", models.CharField(blank=True, max_length=120)),
                ("created_at", models.DateTimeField()),
                ("asked_at", models.DateTimeField(null=True)),
                ("asked", models.PositiveSmallIntegerField(default=0)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="voices", to="field_reports.report"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Verdict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("round", models.PositiveSmallIntegerField()),
                ("score", models.PositiveSmallIntegerField()),
                ("objects_to", models.BooleanField(default=False)),
                ("public_words", models.TextField(blank=True)),
                ("at", models.DateTimeField()),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="verdicts", to="core.incident"
                    ),
                ),
                (
                    "note",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.note"
                    ),
                ),
                (
                    "voice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="verdicts", to="field_reports.voice"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="voice",
            index=models.Index(fields=["confirmed_at", "asked_at"], name="voice_unconfirmed"),
        ),
        migrations.AddConstraint(
            model_name="voice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("part", "reporter")), fields=("report",), name="voice_reporter"
            ),
        ),
        migrations.AddIndex(
            model_name="verdict",
            index=models.Index(fields=["incident", "-at"], name="verdict_incident"),
        ),
        migrations.AddConstraint(
            model_name="verdict",
            constraint=models.UniqueConstraint(fields=("voice", "incident", "round"), name="verdict_once"),
        ),
        migrations.AddConstraint(
            model_name="verdict",
            constraint=models.CheckConstraint(condition=models.Q(("score__range", (1, 5))), name="verdict_score"),
        ),
    ]
