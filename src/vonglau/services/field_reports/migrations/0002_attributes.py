"""Answers to a category's own questions beside the citizen's words, and an index for boxes on the map."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("field_reports", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="content",
            name="attributes",
            field=models.JSONField(default=dict),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["world", "lat", "lon"], name="report_point"),
        ),
    ]
