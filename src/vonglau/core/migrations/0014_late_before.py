from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0013_escalation"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="late_before",
            field=models.PositiveSmallIntegerField(default=0),
        ),
    ]
