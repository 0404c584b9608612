"""Sessions: what is stored opens for nobody who reads the database, and ends by itself.

The row's key is the digest of the cookie's; its content is sealed. It ends after a while without requests and after a longer while in any
case, both by role, and at once when its row is removed (signed out everywhere, role changed, account shut out). Only the synchronous
half of Django's store is used here.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from vonglau.core import vault
from vonglau.core.errors import Locked
from vonglau.core.people.access_models import Session
from vonglau.core.people.models import User
from vonglau.kit import documents, problems
from vonglau.kit.guards import ENROL
from vonglau.web import factors

KEPT = "_kept"
"""What a session says about its sign-in: role's limits, address, device, method."""
ANONYMOUS = timedelta(hours=1)
"""For who is not signed in: a form of sign-in that is half filled in."""
SEEN_EVERY = timedelta(minutes=1)
CONTEXT = "session"

log = logging.getLogger("vonglau.sessions")


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Django's database store with our rows."""

    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> Any:
        return Session

    def _get_session_from_db(self) -> Session | None:
        now = timezone.now()
        row = Session.objects.filter(pk=digest(str(self.session_key)), expire_date__gt=now).first()
        if row is None or row.seen_at + timedelta(seconds=row.idle_seconds) < now:
            self._session_key = None
            return None
        self.row = row
        return row

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(pk=digest(session_key)).exists()

    def create(self) -> None:
        self.row = None  # a new key is a new session: its time starts now
        super().create()

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects.filter(pk=digest(key)).delete()

    def encode(self, session_dict: dict[str, Any]) -> str:
        return vault.seal(json.dumps(session_dict, separators=(",", ":")).encode(), CONTEXT)

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", json.loads(vault.open(str(session_data), CONTEXT)))
        except (Locked, ValueError) as problem:
            log.warning("a session does not open and is over: %s", problem)
            return {}

    def _new_key(self) -> str:
        self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
        return str(self._session_key)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        now = timezone.now()
        kept = data.get(KEPT, {})
        since = self.row.created_at if self.row is not None else now
        idle = timedelta(seconds=kept["idle"]) if kept else ANONYMOUS
        longest = timedelta(seconds=kept["longest"]) if kept else ANONYMOUS
        self.row = Session(
            session_key=digest(self.session_key or self._new_key()),
            session_data=self.encode(data),
            expire_date=since + longest,
            user_id=int(data[SESSION_KEY]) if SESSION_KEY in data else None,
            created_at=since,
            seen_at=now,
            idle_seconds=int(idle.total_seconds()),
            address=kept.get("address", ""),
            device=kept.get("device", ""),
            method=kept.get("method", ""),
        )
        return self.row


def limits(role: str) -> dict[str, int]:
    """A role's limits in seconds, as a session keeps them."""
    return {"idle": settings.VONGLAU_IDLE[role] * 60, "longest": settings.VONGLAU_SESSION[role] * 3600}


def end_all(user_id: int, *, but: str | None = None) -> int:
    """End every session of an account, except the one whose cookie holds `but`. How many there were."""
    rows = Session.objects.filter(user_id=user_id)
    if but:
        rows = rows.exclude(pk=digest(but))
    return rows.delete()[0]


def tidy(now: datetime) -> None:
    """Remove rows that are over."""
    Session.objects.filter(expire_date__lt=now).delete()


def _sealed() -> Any:
    """For a rotation of keys."""
    for pk, text in Session.objects.values_list("pk", "session_data").iterator(chunk_size=500):

        def put(fresh: str, pk: str = pk, text: str = text) -> None:
            Session.objects.filter(pk=pk, session_data=text).update(session_data=fresh)

        if vault.is_sealed(text):
            yield vault.Sealed(CONTEXT, text, CONTEXT, put)


vault.SOURCES[Session._meta.db_table] = _sealed


class AccessMiddleware:
    """After the account is known: notes that the session is in use, and keeps who must set up a second factor to that one page."""

    OPEN = ("/accounts/", "/language", "/static/")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        store = request.session
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.headers.get("Authorization"):
            if store.get(ENROL) and not request.path.startswith(self.OPEN):
                if not isinstance(request.user, User) or not factors.has_one(request.user):
                    return self._enrol(request)
                del store[ENROL]
            row = getattr(store, "row", None)
            now = timezone.now()
            if row is not None and row.seen_at < now - SEEN_EVERY:
                Session.objects.filter(pk=row.pk).update(seen_at=now)
        return self.get_response(request)

    @staticmethod
    def _enrol(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/api/"):
            detail = "Set up your second factor first: open the pages in this browser, they lead there."
            return problems.answer(documents.document(403, detail))
        return redirect("mfa_activate_totp")
