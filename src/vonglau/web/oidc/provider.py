"""The provider over HTTP: its metadata, its keys, the exchange of a code. Nothing is followed elsewhere, nothing is read without end."""

import http.client
import ipaddress
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from django.conf import settings

from vonglau.core import keyfiles
from vonglau.core.errors import Unavailable

SECRET = "oidc.secret"  # noqa: S105 - a file's name
SECONDS = 5.0
MOST_BYTES = 1 << 20
FAILED_SECONDS = 5.0
"""How long a failure is remembered, so that a provider that hangs keeps one of us waiting and not all, one after another."""
METADATA_SECONDS = 3600.0
KEYS_AGAIN_SECONDS = 30.0
"""An unknown key makes the key set be read again (the provider may have changed it), but not more often than this."""


class ProviderFailed(Unavailable):
    """The identity provider did not answer as it must; nothing was changed. Try again, or sign in with your password."""

    title = "Identity provider failed"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler())


def allowed(url: str, *, loopback: bool) -> bool:
    """https, or http to this very machine where a setting says so (for trying it out)."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    try:
        here = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        here = False
    return parts.scheme == "http" and here and loopback


@dataclass
class Provider:
    """One provider as an installation knows it. Threads may share it."""

    issuer: str
    client: str
    secret: str
    loopback: bool = False
    _metadata: dict[str, Any] = field(default_factory=dict)
    _read_at: float = 0.0
    _failed_until: float = 0.0
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _keys_at: float = -KEYS_AGAIN_SECONDS
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0; its issuer must be the one we were told, to the letter."""
        with self._lock:
            now = time.monotonic()
            if now < self._failed_until:  # one waits for a provider that hangs, not everybody after one another
                if self._metadata:
                    return self._metadata
                raise ProviderFailed("The identity provider did not answer a moment ago; try again in a few seconds.")
            if not self._metadata or now - self._read_at > METADATA_SECONDS:
                self._failed_until = now + FAILED_SECONDS + SECONDS
                found = self._json(f"{self.issuer}/.well-known/openid-configuration")
                if found.get("issuer") != self.issuer:
                    raise ProviderFailed(
                        f"The provider at {self.issuer} calls itself {found.get('issuer')!r}: check VONGLAU_OIDC_ISSUER."
                    )
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if not isinstance(found.get(name), str) or not allowed(found[name], loopback=self.loopback):
                        raise ProviderFailed(f"The provider's {name} is no https address.")
                self._metadata, self._read_at, self._failed_until = found, time.monotonic(), 0.0
            return self._metadata

    def key(self, id: str) -> jwt.PyJWK | None:
        """The key of that id; the set is read again for an unknown one."""
        uri = str(self.metadata()["jwks_uri"])
        with self._lock:
            if id not in self._keys and time.monotonic() - self._keys_at > KEYS_AGAIN_SECONDS:
                self._keys_at = time.monotonic()
                try:
                    found = jwt.PyJWKSet.from_dict(self._json(uri))
                except jwt.PyJWTError as problem:
                    raise ProviderFailed("The provider's keys cannot be used.") from problem
                self._keys = {str(one.key_id): one for one in found.keys if one.public_key_use in (None, "sig")}
            return self._keys.get(id)

    def exchange(self, code: str, verifier: str, redirect: str) -> dict[str, Any]:
        """A code for tokens (RFC 6749, 4.1.3; RFC 7636)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self.client,
            "client_secret": self.secret,
            "code_verifier": verifier,
        }
        return self._json(str(self.metadata()["token_endpoint"]), form=form)

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """More claims, where the provider gives them apart; {} where it has no such address."""
        url = self.metadata().get("userinfo_endpoint")
        if not isinstance(url, str) or not allowed(url, loopback=self.loopback):
            return {}
        return self._json(url, headers={"Authorization": f"Bearer {access_token}"})

    def _json(
        self, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if not allowed(url, loopback=self.loopback):
            raise ProviderFailed("The identity provider must be reached over https.")
        data = urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(url, data, {"Accept": "application/json", **(headers or {})})  # noqa: S310 - checked above
        try:
            with _opener.open(request, timeout=SECONDS) as answer:
                text = answer.read(MOST_BYTES + 1)
        except (OSError, urllib.error.URLError, http.client.HTTPException) as problem:
            raise ProviderFailed(f"The identity provider did not answer ({problem}).") from problem
        try:
            found = json.loads(text) if len(text) <= MOST_BYTES else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ProviderFailed("The identity provider answered with something that is no JSON object.")
        return found


_one: dict[tuple[str, str], Provider] = {}


def provider() -> Provider | None:
    """The installation's provider; None where none is set."""
    issuer = settings.VONGLAU_OIDC_ISSUER
    if not issuer:
        return None
    key = (issuer, settings.VONGLAU_OIDC_CLIENT)
    if key not in _one:
        secret = keyfiles.read(Path(settings.VONGLAU_SECRETS) / SECRET)
        _one[key] = Provider(issuer, settings.VONGLAU_OIDC_CLIENT, secret, settings.VONGLAU_OIDC_LOOPBACK)
    return _one[key]
