"""Whether retention has taken the contacts: a sealed field cannot be asked whether it is empty in every row."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("field_reports", "0005_photos"),
    ]

    operations = [
        migrations.AddField("content", "contacts_kept", models.BooleanField(default=True)),
    ]
