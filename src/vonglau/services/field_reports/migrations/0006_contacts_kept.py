"""Nothing: its column comes with 0003 in one pass over the table."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("field_reports", "0005_photos"),
    ]

    operations = []
