"""A person without a browser: signs in through the page's own form, keeps the cookies."""

import re
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

PASSWORD = "gà gáy sáng bên sông Hàn"


class Person:
    def __init__(self, url: str) -> None:
        self.url, self.jar = url, CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self.jar))

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """GET, or POST of a form with the token of the cookie. Status and text of the page that it leads to."""
        body = None
        if form is not None:
            token = next((cookie.value for cookie in self.jar if "csrf" in cookie.name), "") or ""
            body = urlencode({**form, "csrfmiddlewaretoken": token}).encode()
        request = Request(self.url + path, body, {"Accept": "text/html", "Referer": self.url + path})
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            return refused.code, refused.read().decode()

    def sign_in(self, username: str) -> tuple[int, str]:
        _status, page = self.ask("/accounts/login/")
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        return self.ask("/accounts/login/", {**hidden, "login": username, "password": PASSWORD})
