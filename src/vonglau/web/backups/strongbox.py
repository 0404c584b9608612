"""The installation's keys in a snapshot: one small file under a passphrase (scrypt, AES-256-GCM).

VLSB1 <salt 16> <nonce 12> <ciphertext and tag>         the plain text is JSON {name: text}
"""

import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from vonglau.core.errors import BadInput

PATH = "secrets.sealed"
"""Its name among a snapshot's files; it never becomes a file of a data folder."""
SHORTEST = 12
"""Characters of a passphrase: whoever has the backup may guess at leisure."""
_MARK = b"VLSB1"
_SALT, _NONCE = 16, 12


def _key(passphrase: str, salt: bytes) -> bytes:
    # 2¹⁷ × 8 × 128 bytes = 128 MiB for each guess (OWASP's first choice for scrypt)
    return Scrypt(salt=salt, length=32, n=2**17, r=8, p=1).derive(passphrase.encode())


def seal(files: dict[str, str], passphrase: str) -> bytes:
    """Raises `BadInput` for a passphrase that is too short."""
    if len(passphrase) < SHORTEST:
        raise BadInput(f"The passphrase has fewer than {SHORTEST} characters: whoever gets the backup could guess it.")
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return _MARK + salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, json.dumps(files).encode(), _MARK)


def open(data: bytes, passphrase: str) -> dict[str, str]:
    """Raises `BadInput` for another passphrase or changed bytes: the two cannot be told apart."""
    start = len(_MARK)
    salt, nonce = data[start : start + _SALT], data[start + _SALT : start + _SALT + _NONCE]
    try:
        plain = AESGCM(_key(passphrase, salt)).decrypt(nonce, data[start + _SALT + _NONCE :], _MARK)
    except (InvalidTag, ValueError) as wrong:
        raise BadInput("The keys in this snapshot do not open: another passphrase, or the file was changed.") from wrong
    files: dict[str, str] = json.loads(plain)
    return files
