"""Vietnamese first: the signed-in person's language, else the cookie, else Vietnamese. Never the browser's header.

Most browsers here are set to English by their makers, not by their owners.
"""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from vonglau.core.people.models import User

COOKIE = settings.LANGUAGE_COOKIE_NAME
KEY = "language"
KNOWN = tuple(code for code, _name in settings.LANGUAGES)


def chosen(request: HttpRequest) -> str:
    """The language of this request: the session carries the person's, so that no row is read for it."""
    said = request.session.get(KEY) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    for code in (said, request.COOKIES.get(COOKIE)):
        if code in KNOWN:
            return str(code)
    return str(settings.LANGUAGE_CODE)


class LanguageMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        code = chosen(request)
        request.LANGUAGE_CODE = code
        with translation.override(code):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", code)
        return response


def remember(request: HttpRequest, response: HttpResponse, code: str) -> None:
    """Keep a choice: in the account and session of who is signed in, and in a cookie for a year."""
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=code)
        request.session[KEY] = code
    response.set_cookie(COOKIE, code, max_age=365 * 86_400, samesite="Lax", httponly=True, secure=request.is_secure())


@receiver(user_logged_in)
def _signed_in(sender: type[User], request: HttpRequest | None, user: User, **_: object) -> None:
    if request is not None and hasattr(request, "session"):
        request.session[KEY] = user.language
