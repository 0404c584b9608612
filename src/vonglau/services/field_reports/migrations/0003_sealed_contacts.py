"""Contacts become unreadable without the vault's keys; e-mail and telephone can still be looked up by their exact value.

What earlier releases kept in plain is sealed here, and the pages it stood in are written over.
"""

from django.db import migrations, models
from django.db.models.functions import Cast

import vonglau.core.lookup
import vonglau.core.vault
from vonglau.core import lookup, vault
from vonglau.services.field_reports.contacts import email_of, phone_of

SEALED = ("contact_name", "email", "phone", "address", "device_id", "account_id")


def overwrite(apps, schema_editor):
    """From here on the tables that are left behind are filled with zeros; a new connection is as before."""
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")


def seal(apps, schema_editor):
    content = apps.get_model("field_reports", "Content")
    raw = {f"raw_{name}": Cast(name, models.TextField()) for name in SEALED}
    rows = content.objects.annotate(**raw).values("pk", *raw).order_by("pk")
    for row in rows.iterator(chunk_size=500):
        fresh = {
            name: models.Value(vault.seal(text.encode(), f"field_reports.content.{name}"), models.TextField())
            for name in SEALED
            if (text := row[f"raw_{name}"]) and not vault.is_sealed(text)
        }
        if "email" in fresh and (exact := email_of(row["raw_email"])):
            fresh["email_digest"] = lookup.digest(exact, "field_reports.content.email_exact")
        if "phone" in fresh and (exact := phone_of(row["raw_phone"])):
            fresh["phone_digest"] = lookup.digest(exact, "field_reports.content.phone_exact")
        if fresh:
            content.objects.filter(pk=row["pk"]).update(**fresh)


class Migration(migrations.Migration):
    dependencies = [
        ("field_reports", "0002_attributes"),
    ]

    operations = [
        migrations.RunPython(overwrite, migrations.RunPython.noop),
        *(migrations.AlterField("content", name, vonglau.core.vault.SealedTextField(blank=True)) for name in SEALED),
        migrations.AddField("content", "email_digest", vonglau.core.lookup.DigestField(of="email_exact")),
        migrations.AddField("content", "phone_digest", vonglau.core.lookup.DigestField(of="phone_exact")),
        migrations.RunPython(seal, migrations.RunPython.noop),
    ]
