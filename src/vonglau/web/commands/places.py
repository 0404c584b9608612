"""Where replayed events go: a server's door by address and token, or the installation of a data folder on this machine."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click

from vonglau.core.errors import BadInput
from vonglau.web.commands.base import configure, need_installation, say

HERE = "http://127.0.0.1:8000"
"""Where `vonglau serve` listens unless told otherwise."""

Told = Callable[[Path, int], None]
"""How far a file has been read, bytes or rows."""


class Place:
    """Where the events go: the server's address and token, as given, or as the data folder knows them."""

    def __init__(self, url: str | None, token: str | None, data: Path | None) -> None:
        self.given, self.data = url, data
        if data is not None:
            data = self.data = data.expanduser().resolve()
            configure(data)
            try:
                need_installation(data)
            except click.UsageError:
                if token is None or url is None:
                    raise
                self.data = None  # every command takes --data; this one then needs nothing of it
        if (token is None or url is None) and data is None:
            raise click.UsageError(
                "Give --to and --token of a server, or the --data folder of an installation on this machine."
            )
        self.url, self.token = url or self._door(), token or self._internal()
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise BadInput(f"--to {self.url}: give an address such as http://127.0.0.1:8000.")

    @staticmethod
    def _door() -> str:
        from django.conf import settings

        return str(settings.VONGLAU_DOOR) or HERE

    def _internal(self) -> str:
        from vonglau.web.keys import internal_token

        assert self.data is not None
        return internal_token(self.data)

    def ensure(self, world: str | None) -> None:
        """The recording world of this name, where this machine may make it."""
        if self.data is None or world is None:
            return
        from vonglau.core.events import LIVE
        from vonglau.core.worlds import World, WorldKind, ensure_world
        from vonglau.core.worlds import world as find

        if not World.objects.filter(pk=world).exists():
            ensure_world(world, WorldKind.RECORDING, find(LIVE).locality)
            say(f"Made the recording world {world!r}: its clock follows its events.")
