"""What an ID token says, and whether it may be believed (OpenID Connect Core 1.0, 3.1.3.7). Pure: keys and time are given."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt

from vonglau.core.errors import NotAllowed

ALGORITHMS = ("RS256", "PS256", "ES256")
"""Signatures alone: `none` and anything with a shared secret is refused."""
LEEWAY = 60
"""Seconds by which the two clocks may differ."""
OLDEST = 600
"""Seconds: a token that was made longer ago does not belong to this sign-in."""


class NotBelieved(NotAllowed):
    """What the identity provider said cannot be believed; nobody was signed in."""

    title = "Sign-in refused"


def verified(
    token: str,
    *,
    issuer: str,
    client: str,
    nonce: str,
    key: Callable[[str], jwt.PyJWK | None],
    levels: Sequence[str] = (),
    access_token: str = "",
    now: float | None = None,
) -> dict[str, Any]:
    """The claims of an ID token that was made for us, now, for this very sign-in. Raises NotBelieved."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as problem:
        raise NotBelieved("The ID token cannot be read.") from problem
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise NotBelieved(f"The ID token is signed with {algorithm!r}; we take {', '.join(ALGORITHMS)}.")
    signer = key(str(header.get("kid", "")))
    if signer is None:
        raise NotBelieved("The ID token is signed with a key that the provider does not publish.")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            signer.key,
            algorithms=[algorithm],
            audience=client,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except (jwt.PyJWTError, TypeError, ValueError) as problem:
        raise NotBelieved(f"The ID token is not good: {problem}.") from problem
    _ours(claims, client, nonce, now if now is not None else time.time())
    _level(claims, levels)
    _bound(claims, access_token, algorithm)
    return claims


def _ours(claims: Mapping[str, Any], client: str, nonce: str, now: float) -> None:
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise NotBelieved("The ID token belongs to another sign-in (nonce).")
    audience = claims["aud"]
    if (isinstance(audience, list) and len(audience) > 1 and claims.get("azp") is None) or claims.get(
        "azp", client
    ) != client:
        raise NotBelieved("The ID token was made for another application (azp).")
    if claims["iat"] < now - OLDEST:
        raise NotBelieved("The ID token is too old.")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not subject.isascii():
        raise NotBelieved("The ID token names nobody (sub).")


def _level(claims: Mapping[str, Any], levels: Sequence[str]) -> None:
    """The level of assurance (`acr`), where an installation asks for one."""
    if levels and claims.get("acr") not in levels:
        raise NotBelieved(
            f"The identity was proven at level {claims.get('acr')!r}; {' or '.join(levels)} is needed here."
        )


def _bound(claims: Mapping[str, Any], access_token: str, algorithm: str) -> None:
    """`at_hash` binds the access token to the ID token, where the provider gives it (all our algorithms use SHA-256)."""
    said = claims.get("at_hash")
    if said is None or not access_token:
        return
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    if not hmac.compare_digest(base64.urlsafe_b64encode(half).rstrip(b"=").decode(), str(said)):
        raise NotBelieved("The access token does not belong to the ID token (at_hash).")
