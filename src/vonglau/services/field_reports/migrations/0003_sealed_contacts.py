"""Contacts become unreadable without the vault's keys, found by their exact value alone; beside the words stand the words for the public.

What earlier releases kept in plain is sealed here, and the pages it stood in are written over. All that changes in this table does so in
one pass: it is the largest of a city, and each further pass over a million rows costs minutes.
"""

from django.db import migrations, models

import vonglau.core.lookup
import vonglau.core.vault
from vonglau.core import lookup, vault
from vonglau.core.rewriting import Rewrite
from vonglau.services.field_reports import masking
from vonglau.services.field_reports.contacts import email_of, phone_of

SEALED = ("contact_name", "email", "phone", "address", "device_id", "account_id")


def overwrite(apps, schema_editor):
    """From here on the tables that are left behind are filled with zeros; a new connection is as before."""
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")


def prepare():
    """Of one row: the words for the public, both digests, everything sealed."""
    seals = [vault.sealer(f"field_reports.content.{name}") for name in SEALED]
    email_digest = lookup.digester("field_reports.content.email_exact")
    phone_digest = lookup.digester("field_reports.content.phone_exact")

    def change(description, *plain):
        email, phone = email_of(plain[1]), phone_of(plain[2])
        return (
            masking.public(description) if description else "",
            email_digest(email) if email else "",
            phone_digest(phone) if phone else "",
            *(seal(text.encode()) if text else text for seal, text in zip(seals, plain, strict=True)),
        )

    return change


class Migration(migrations.Migration):
    dependencies = [
        ("field_reports", "0002_attributes"),
    ]

    operations = [
        migrations.RunPython(overwrite, migrations.RunPython.noop),
        Rewrite(
            "content",
            [
                *(
                    migrations.AlterField("content", name, vonglau.core.vault.SealedTextField(blank=True))
                    for name in SEALED
                ),
                migrations.AddField("content", "email_digest", vonglau.core.lookup.DigestField(of="email_exact")),
                migrations.AddField("content", "phone_digest", vonglau.core.lookup.DigestField(of="phone_exact")),
                migrations.AddField(
                    "content", "public_words", models.TextField(blank=True, default=""), preserve_default=False
                ),
                migrations.AddField("content", "masks", models.JSONField(default=dict)),
                migrations.AddField("content", "contacts_kept", models.BooleanField(default=True)),
            ],
            ["description", *SEALED],
            ["public_words", "email_digest", "phone_digest", *SEALED],
            prepare,
        ),
    ]
