"""Finding a sealed text by its exact value: a keyed digest of it stands beside it, and nothing can be read from that without the key.

    d1.<key's id>.<half of HMAC-SHA256, in hex>

The key is made of a key of the vault's ring, so it lies outside the database and a rotation renews the digests with everything else. Who
has the database alone cannot try numbers one by one, although there are only some hundred million of them.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models

from vonglau.core import vault

VERSION = "d1"

if TYPE_CHECKING:
    _Text = models.CharField[str, str]
else:
    _Text = models.CharField


def digest(text: str, context: str, key: vault.Key | None = None) -> str:
    """Of a text in its normal form, under the newest key or the one given. `context` names the field: digests of two never agree."""
    return digester(context, key)(text)


def digester(context: str, key: vault.Key | None = None) -> Callable[[str], str]:
    """`digest` for many texts of one field, all under the same key."""
    chosen = key or vault.ring().newest_first()[0]
    own = hmac.digest(chosen.secret, b"vonglau lookup\n" + context.encode(), hashlib.sha256)
    return lambda text: f"{VERSION}.{chosen.id}.{hmac.digest(own, text.encode(), hashlib.sha256)[:16].hex()}"


def candidates(text: str, context: str) -> list[str]:
    """Every digest the text may have in the database: one per key of the ring."""
    return [digest(text, context, key) for key in vault.ring().newest_first()]


class DigestField(_Text):
    """The digest of an attribute of its row, written whenever the row is; "" where that is empty.

    `of` names the attribute, which gives the text in its normal form ("0905123456", however it was typed).
    """

    def __init__(self, *args: Any, of: str = "", **kwargs: Any) -> None:
        self.of = of
        super().__init__(*args, **{"max_length": 64, "editable": False, "default": "", "db_index": True, **kwargs})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    @property
    def context(self) -> str:
        return f"{self.model._meta.label_lower}.{self.of}"

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        text = getattr(model_instance, self.of)
        found = digest(text, self.context) if text else ""
        setattr(model_instance, self.attname, found)
        return found


def where(model: type[models.Model], name: str, text: str) -> models.Q:
    """Rows of a model whose digest `name` is of this text, in its normal form. Of an empty text: none."""
    field = model._meta.get_field(name)
    assert isinstance(field, DigestField)
    return models.Q(**{f"{name}__in": candidates(text, field.context) if text else []})


def fields() -> list[DigestField]:
    return [
        field for model in apps.get_models() for field in model._meta.get_fields() if isinstance(field, DigestField)
    ]


def keys_in_use() -> Iterator[str]:
    """Ids of the keys that some digest was made with."""
    for field in fields():
        for text in (
            field.model._default_manager.exclude(**{field.attname: ""}).values_list(field.attname, flat=True).iterator()
        ):
            yield text.split(".")[1]
