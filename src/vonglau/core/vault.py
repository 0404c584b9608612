"""Secrets that must be read again (seeds of second factors, webhook secrets) are kept sealed; the keys lie outside the database.

    vl1.<key's id>.<base64url(nonce, ciphertext, tag)>      AES-256-GCM

`context` says which field a text belongs to and is authenticated with it: a sealed text moved to another field does not open. The newest
key seals, every key of the ring opens. Secrets that are only compared (tokens, passwords) are stored as digests and never come here.
"""

import base64
import binascii
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.db.models.functions import Cast

from vonglau.core import keyfiles
from vonglau.core.errors import Locked

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

VERSION = "vl1"
NONCE = 12
"""Bytes, random: with 2³² texts under one key two nonces agree with a chance of 2⁻³²; rotate long before."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the ring. Its id is a digest of it: it tells which key sealed a text, and nothing about the key."""

    id: str
    secret: bytes

    @staticmethod
    def of(secret: bytes) -> "Key":
        return Key(hashlib.sha256(b"vonglau vault key\n" + secret).hexdigest()[:12], secret)

    @staticmethod
    def fresh() -> "Key":
        return Key.of(secrets.token_bytes(32))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Keyring:
    """The keys of one file, newest first; read again when the file changes, so that a rotation needs no restart.

    `before_making` may refuse to make a first key: raises Locked."""

    def __init__(self, path: Path, before_making: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self._before_making = before_making
        self._seen: tuple[int, int, int] | None = None
        self._keys: list[Key] = []
        self._lock = threading.Lock()

    def newest_first(self) -> list[Key]:
        """Newest first. Made on first use. Raises Locked when the file cannot be used."""
        with self._lock:
            seen = self._stamp()
            if seen is None:
                self._before_making()
            if seen is None or seen != self._seen:
                self._keys = _parse(keyfiles.read_or_make(self.path, lambda: _line(Key.fresh())), self.path)
                self._seen = self._stamp()
            return self._keys

    def put(self, keys: list[Key]) -> None:
        """Replace the file by these keys, newest first."""
        keyfiles.write(self.path, "".join(map(_line, keys)))

    def begin(self) -> Key:
        """A first key where the file is lost for good: what was sealed before stays unreadable."""
        fresh = Key.fresh()
        self.put([fresh])
        return fresh

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _line(key: Key) -> str:
    return _text(key.secret) + "\n"


def _parse(text: str, path: Path) -> list[Key]:
    keys = []
    for number, line in enumerate(text.split(), start=1):
        try:
            secret = _bytes(line)
        except (binascii.Error, ValueError) as problem:
            raise Locked(
                f"{path}, line {number}: not a key. Restore the file from where you keep secrets."
            ) from problem
        if len(secret) != 32:
            raise Locked(f"{path}, line {number}: a key has 32 bytes in base64url. Restore the file.")
        keys.append(Key.of(secret))
    if not keys:
        raise Locked(f"{path} holds no key. Restore it from where you keep secrets.")
    return keys


_rings: dict[Path, Keyring] = {}


def ring() -> Keyring:
    """The keyring of this installation."""
    path = Path(settings.VONGLAU_SECRETS) / keyfiles.VAULT_KEYS
    return _rings.setdefault(path, Keyring(path, lambda: _none_lost(path)))


def _none_lost(path: Path) -> None:
    """A fresh key beside texts that an older one sealed would hide that the file was lost: what is sealed from then on
    opens, what was before does not, and whoever then restores the file loses the rest."""
    if (orphan := sealed_already()) is not None:
        raise Locked(
            f"{path} is missing, but {orphan.field} was sealed with the key {key_of(orphan.text)}: restore that file from where you "
            "keep secrets (a backup of the data folder holds it unless you moved it), or name the right folder with VONGLAU_SECRETS."
        )


def seal(data: bytes, context: str = "") -> str:
    """Encrypt and authenticate. `context` names the field and must be given again to open."""
    return sealer(context)(data)


def sealer(context: str = "") -> Callable[[bytes], str]:
    """`seal` for many texts of one field, all under the key that is the newest now."""
    key = ring().newest_first()[0]
    encrypt, bound = AESGCM(key.secret).encrypt, _bound(key.id, context)

    def sealed(data: bytes) -> str:
        nonce = os.urandom(NONCE)
        return f"{VERSION}.{key.id}.{_text(nonce + encrypt(nonce, data, bound))}"

    return sealed


def open(text: str, context: str = "") -> bytes:
    """What was sealed. Raises Locked: not ours, sealed by a key that is not in the ring, changed, or of another context."""
    return opener(context)(text)


def opener(context: str = "") -> Callable[[str], bytes]:
    """`open` for many texts of one field, with the keys that are in the ring now."""
    keys = {key.id: key for key in ring().newest_first()}
    ciphers: dict[str, AESGCM] = {}

    def opened(text: str) -> bytes:
        id, body = _parts(text)
        if id not in keys:
            raise Locked(
                f"A secret was sealed with the key {id}, which is not in {ring().path}: restore that file from where you keep secrets."
            )
        cipher = ciphers.get(id) or ciphers.setdefault(id, AESGCM(keys[id].secret))
        try:
            raw = _bytes(body)
            return cipher.decrypt(raw[:NONCE], raw[NONCE:], _bound(id, context))
        except (InvalidTag, binascii.Error, ValueError) as problem:
            raise Locked(
                "A sealed secret does not open: it was changed, or moved here from another field."
            ) from problem

    return opened


def is_sealed(text: object) -> bool:
    return isinstance(text, str) and text.startswith(f"{VERSION}.") and text.count(".") == 2


def key_of(text: str) -> str:
    """The id of the key that sealed a text."""
    return _parts(text)[0]


def reseal(text: str, context: str = "") -> str:
    """The same under the newest key; unchanged where it is already."""
    return text if key_of(text) == ring().newest_first()[0].id else seal(open(text, context), context)


def _parts(text: str) -> tuple[str, str]:
    if not is_sealed(text):
        raise Locked("This is no sealed secret: the field was written by something else than the vault.")
    _, id, body = text.split(".")
    return id, body


def _bound(id: str, context: str) -> bytes:
    return f"{VERSION}\n{id}\n{context}".encode()


class SealedTextField(models.TextField):  # type: ignore[type-arg]
    """A text that is sealed in the database and plain in Python. It cannot be searched; "" and NULL stay as they are.

    Every field of this kind is declared by being one: `fields()` finds them, and a rotation re-seals them.
    """

    @property
    def context(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def from_db_value(self, value: str | None, expression: Any, connection: "BaseDatabaseWrapper") -> str | None:
        return open(value, self.context).decode() if value else value

    def get_prep_value(self, value: Any) -> str | None:
        return seal(str(value).encode(), self.context) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        """Only whether it is there can be asked: the same text is sealed differently each time."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed text where it is stored: which field, and how to put another in its place."""

    field: str
    text: str
    context: str
    put: Callable[[str], None]


Source = Callable[[], Iterator[Sealed]]
SOURCES: dict[str, Source] = {}
"""Sealed texts inside tables that are not ours (allauth's), by table. Ours declare theirs with `SealedTextField`."""


def fields() -> list[SealedTextField]:
    """Every sealed field of every installed app."""
    return [
        field for model in apps.get_models() for field in model._meta.get_fields() if isinstance(field, SealedTextField)
    ]


def everything() -> Iterator[Sealed]:
    """Every sealed text of the database."""
    for field in fields():
        yield from _column(field)
    for source in SOURCES.values():
        yield from source()


def sealed_already() -> Sealed | None:
    """Any sealed text of the database. Raises DatabaseError when nobody can tell, because it does not answer.

    Only what is there is asked: before the last migration a table or a column may still be to come, and holds nothing."""
    with connection.cursor() as cursor:
        there = {
            (table, column.name)
            for table in connection.introspection.table_names(cursor)
            for column in connection.introspection.get_table_description(cursor, table)
        }
    sources: list[Source] = [
        partial(_column, field) for field in fields() if (field.model._meta.db_table, field.column) in there
    ]
    sources += [source for table, source in SOURCES.items() if any(table == name for name, _column in there)]
    for source in sources:
        if (found := next((one for one in source() if is_sealed(one.text)), None)) is not None:
            return found
    return None


def _column(field: SealedTextField) -> Iterator[Sealed]:
    raw = Cast(field.attname, models.TextField())
    rows = field.model._default_manager.annotate(_sealed=raw).exclude(_sealed=None).values_list("pk", "_sealed")
    for pk, text in rows.order_by("pk").iterator(chunk_size=500):
        if text:

            def put(fresh: str, pk: Any = pk, text: str = text) -> None:
                # A Value of its own type goes into the column as it is, without being sealed again.
                kept = models.Value(fresh, output_field=models.TextField())
                rows = field.model._default_manager.annotate(_sealed=raw).filter(pk=pk, _sealed=text)
                rows.update(**{field.attname: kept})  # changed meanwhile: what was put there stays

            yield Sealed(field.context, text, field.context, put)
