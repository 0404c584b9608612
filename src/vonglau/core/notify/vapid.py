"""The installation's own key for Web Push (VAPID, RFC 8292): by it push services and browsers tell us from others.

It lies with the other secrets, outside the databases. A new one makes every device subscribe anew, so it is backed up with them.
"""

import base64
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from vonglau.core import keyfiles
from vonglau.core.errors import Locked

FILE = "vapid.pem"


def _fresh() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode()


def private_key() -> bytes:
    """The private key as PEM; made on first use. Raises Locked when the file cannot be used."""
    return keyfiles.read_or_make(Path(settings.VONGLAU_SECRETS) / FILE, _fresh).encode()


def public_key() -> str:
    """What a browser subscribes with: the uncompressed point, base64url without padding."""
    try:
        key = serialization.load_pem_private_key(private_key(), None)
    except ValueError as problem:
        raise Locked(f"{FILE} holds no private key. Restore it from where you keep secrets.") from problem
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Locked(f"{FILE} holds a key of another kind than P-256. Restore it from where you keep secrets.")
    point = serialization.PublicFormat.UncompressedPoint
    data = key.public_key().public_bytes(serialization.Encoding.X962, point)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
