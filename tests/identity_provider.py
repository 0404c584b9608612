"""An identity provider as VNeID is one: discovery, a page to approve on, tokens signed with real keys, over real HTTP. It can be made to lie."""

import asyncio
import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.serving import free_port

CLIENT, SECRET = "vonglau", "s3cret-of-the-client"


def _key(kind: str) -> Any:
    return rsa.generate_private_key(65537, 2048) if kind == "RS256" else ec.generate_private_key(ec.SECP256R1())


@dataclass
class IdentityProvider:
    """`people`: by subject, their claims. `lie` changes what the next tokens say; see `test_oidc.py` for the lies."""

    port: int = field(default_factory=free_port)
    algorithm: str = "RS256"
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    lie: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rotate()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rotate(self) -> None:
        """New keys under a new name; the old ones are published no longer."""
        self.kid, self.key = secrets.token_hex(4), _key(self.algorithm)

    # what it serves

    async def discovery(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": "https://other.example" if self.lie == "issuer of metadata" else self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/end",
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: web.Request) -> web.Response:
        kind = jwt.algorithms.RSAAlgorithm if self.algorithm == "RS256" else jwt.algorithms.ECAlgorithm
        public = json.loads(kind.to_jwk(self.key.public_key()))
        return web.json_response({"keys": [{**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}]})

    async def authorize(self, request: web.Request) -> web.Response:
        """A page with a button for each person; pressing one gives a code."""
        if request.method == "GET":
            self.asked.append(dict(request.query))
            buttons = "".join(f'<button name="sub" value="{sub}">{sub}</button>' for sub in self.people)
            hidden = "".join(f'<input type="hidden" name="{k}" value="{v}">' for k, v in request.query.items())
            page = f"<!doctype html><title>VNeID</title><link rel=icon href=data:,><form method=post><h1>VNeID</h1>{hidden}{buttons}</form>"
            return web.Response(text=page, content_type="text/html")
        form = await request.post()
        code = secrets.token_urlsafe(16)
        self.codes[code] = {key: str(value) for key, value in form.items()}
        back = {
            "code": code,
            "state": str(form["state"]),
            "iss": "https://evil.example" if self.lie == "iss" else self.issuer,
        }
        if self.lie == "state":
            back["state"] = "another"
        if self.lie == "no iss":
            del back["iss"]
        if self.lie == "refusal":
            back = {"error": "access_denied", "state": str(form["state"]), "iss": self.issuer}
        return web.Response(status=302, headers={"Location": f"{form['redirect_uri']}?{urlencode(back)}"})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]), None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=").decode()
        )
        if (
            asked is None
            or form["client_secret"] != SECRET
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        access = secrets.token_urlsafe(16)
        self.grants[access] = asked["sub"]
        answer = {"access_token": access, "token_type": "Bearer", "id_token": self.id_token(asked, access)}
        if self.lie == "no id token":
            del answer["id_token"]
        return web.json_response(answer)

    def id_token(self, asked: dict[str, str], access: str) -> str:
        now = int(time.time())
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "sub": asked["sub"],
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            "acr": self.people[asked["sub"]].get("acr", "2"),
        }
        claims |= {
            "nonce": {"nonce": "another"},
            "aud": {"aud": "another"},
            "azp": {"aud": [CLIENT, "another"], "azp": "another"},
            "aud list": {"aud": [CLIENT, "another"]},
            "expired": {"iat": now - 400, "exp": now - 100},
            "old": {"iat": now - 3600},
            "issuer": {"iss": "https://evil.example"},
            "at_hash": {"at_hash": "AAAA"},
            "acr": {"acr": "1"},
            "sub": {"sub": ""},
        }.get(self.lie, {})
        if self.lie == "no exp":
            del claims["exp"]
        if self.lie == "alg none":
            return jwt.encode(claims, "", algorithm="none", headers={"kid": self.kid})
        if self.lie == "shared secret":
            return jwt.encode(claims, SECRET * 2, algorithm="HS256", headers={"kid": self.kid})
        key = _key(self.algorithm) if self.lie == "forged" else self.key
        kid = "nowhere" if self.lie == "unknown key" else self.kid
        text = jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": kid})
        return text[:-8] + "AAAAAAAA" if self.lie == "changed" else text

    async def userinfo(self, request: web.Request) -> web.Response:
        sub = self.grants[request.headers["Authorization"].removeprefix("Bearer ")]
        return web.json_response({**self.people[sub], "sub": "somebody else" if self.lie == "userinfo" else sub})

    async def end(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["post_logout_redirect_uri"]})

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self.discovery)
        app.router.add_get("/jwks", self.jwks)
        app.router.add_route("*", "/authorize", self.authorize)
        app.router.add_post("/token", self.token)
        app.router.add_get("/userinfo", self.userinfo)
        app.router.add_get("/end", self.end)
        return app


@contextmanager
def identity_provider(**more: Any) -> Iterator[IdentityProvider]:
    """Runs in a thread of its own until the end of the block."""
    one = IdentityProvider(**more)
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(one.application(), access_log=None)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", one.port).start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
