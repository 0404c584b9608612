from datetime import timedelta

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import vonglau.core.vault


def horizon(apps, schema_editor):
    """Notices of the release before are tried for a day from when they were due."""
    notice = apps.get_model("core", "Notice")
    notice.objects.update(expires_at=models.F("next_at") + timedelta(hours=24))


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_beats"),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveSmallIntegerField()),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(default="began", max_length=10)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("words", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("url", models.CharField(max_length=500)),
                ("world", models.CharField(max_length=63)),
                ("types", models.JSONField(default=list)),
                ("secret", vonglau.core.vault.SealedTextField()),
                ("old_secret", vonglau.core.vault.SealedTextField(blank=True)),
                ("old_until", models.DateTimeField(null=True)),
                ("created_by", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField()),
                ("paused_at", models.DateTimeField(null=True)),
                ("paused_why", models.CharField(blank=True, max_length=10)),
                ("removed_at", models.DateTimeField(null=True)),
                ("hold_until", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("last_ok_at", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=300)),
                ("last_error_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="NoticeChoices",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channels", models.JSONField(default=dict)),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_to", models.TimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PushDevice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("world", models.CharField(max_length=63)),
                ("digest", models.CharField(max_length=64)),
                ("subscription", vonglau.core.vault.SealedTextField()),
                ("label", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField()),
                ("last_ok_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="notice",
            name="notice_due",
        ),
        migrations.AddField(
            model_name="notice",
            name="attempts_before",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="notice",
            name="expires_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.RunPython(horizon, migrations.RunPython.noop),
        migrations.AddField(
            model_name="notice",
            name="kind",
            field=models.CharField(default="assigned", max_length=20),
        ),
        migrations.AddField(
            model_name="notice",
            name="lane",
            field=models.CharField(default="email", max_length=40),
        ),
        migrations.AddField(
            model_name="notice",
            name="stop",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="notice",
            name="uncertain",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="notice",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Chờ gửi"),
                    ("sending", "Đang gửi"),
                    ("delivered", "Đã giao"),
                    ("failed", "Không giao được"),
                    ("cancelled", "Không cần nữa"),
                    ("discarded", "Đã bỏ"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="noticeattempt",
            name="notice",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="log", to="core.notice"),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="agency",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="endpoints", to="core.agency"
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="token",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="endpoints", to="core.apitoken"
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="endpoint",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="core.endpoint"
            ),
        ),
        migrations.AddField(
            model_name="noticechoices",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="notice_choices", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="pushdevice",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="devices", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="device",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="notices", to="core.pushdevice"
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["state", "lane", "next_at", "id"], name="notice_due"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["state", "expires_at"], name="notice_expires"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["about", "state"], name="notice_about"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["world", "state", "-id"], name="notice_page"),
        ),
        migrations.AddConstraint(
            model_name="noticeattempt",
            constraint=models.UniqueConstraint(fields=("notice", "n"), name="notice_attempt"),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(fields=["world", "removed_at"], name="endpoint_world"),
        ),
        migrations.AddConstraint(
            model_name="pushdevice",
            constraint=models.UniqueConstraint(fields=("digest", "world"), name="push_device"),
        ),
    ]
