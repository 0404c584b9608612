"""Originals: the files as they were sent, each sealed under a key of its own that the vault keeps sealed in the database.

    originals/<two letters>/<name>      nonce (12 bytes), ciphertext, tag; AES-256-GCM, bound to its name

A row that goes takes the key with it: no copy of the file, in no backup, opens after that without a copy of the row as well. They lie apart
from the pictures that are shown, and nothing but `look` opens them.
"""

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils import timezone

from vonglau.core.errors import Locked, NotFound
from vonglau.core.incidents import files
from vonglau.core.incidents.models import Evidence
from vonglau.core.people.policy import Actor
from vonglau.services.field_reports import looking
from vonglau.services.field_reports.models import Original, Report

NONCE = 12
FOLDER = "originals"


def path_of(name: str) -> Path:
    return Path(settings.VONGLAU_DATA) / FOLDER / name[:2] / name


def keep(evidence: Evidence, report: Report, data: bytes) -> Original:
    """Seal a file beside its evidence. The same photo again changes nothing. Raises StorageFull."""
    known = Original.objects.filter(evidence=evidence).first()
    if known is not None:
        return known
    name, key, nonce = secrets.token_hex(16), secrets.token_bytes(32), os.urandom(NONCE)
    files.keep(path_of(name), nonce + AESGCM(key).encrypt(nonce, data, name.encode()))
    sealed_key = base64.urlsafe_b64encode(key).decode()
    return Original.objects.create(
        evidence=evidence, report=report, name=name, key=sealed_key, size=len(data), kept_at=timezone.now()
    )


def look(evidence: Evidence, actor: Actor) -> bytes:
    """The file as it was sent; the look is written down. Raises NotAllowed, NotFound (none is kept any more), Locked."""
    original = Original.objects.select_related("report__incident").filter(evidence=evidence).first()
    if original is None:
        raise NotFound("The original of this photo is no longer kept.")
    looking.account(original.report, actor, looking.Seen.ORIGINAL, evidence.sha256)
    return unseal(original)


def unseal(original: Original) -> bytes:
    """Raises NotFound, Locked. For `look` and a person's export of their own data alone."""
    try:
        sealed = path_of(original.name).read_bytes()
    except FileNotFoundError as missing:
        raise NotFound("The original of this photo is no longer kept.") from missing
    try:
        key = base64.urlsafe_b64decode(original.key)
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], original.name.encode())
    except (InvalidTag, ValueError) as problem:
        raise Locked("A sealed photo does not open: the file was changed, or is another one.") from problem


def forget(original: Original) -> None:
    """The key first, then the file: whatever happens in between, it cannot be read any more."""
    original.delete()
    path_of(original.name).unlink(missing_ok=True)
