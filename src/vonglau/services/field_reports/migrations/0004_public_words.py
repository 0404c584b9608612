"""Beside the words as written, the words as anybody may read them."""

from django.db import migrations, models

from vonglau.services.field_reports import masking


def cover(apps, schema_editor):
    content = apps.get_model("field_reports", "Content")
    for row in (
        content.objects.exclude(description="").only("pk", "description").order_by("pk").iterator(chunk_size=500)
    ):
        content.objects.filter(pk=row.pk).update(public_words=masking.public(row.description))


class Migration(migrations.Migration):
    dependencies = [
        ("field_reports", "0003_sealed_contacts"),
    ]

    operations = [
        migrations.AddField(
            "content", "public_words", models.TextField(blank=True, default=""), preserve_default=False
        ),
        migrations.AddField("content", "masks", models.JSONField(default=dict)),
        migrations.RunPython(cover, migrations.RunPython.noop),
    ]
