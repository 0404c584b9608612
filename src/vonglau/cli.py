"""The command `vonglau`. Each command stands in `web/commands/`; here is the list, and it is loaded one command at a time."""

from importlib import import_module
from typing import Any

import click

from vonglau import __version__
from vonglau.web.commands.base import Group

COMMANDS = {
    "init": "setup:init",
    "serve": "serving:serve",
    "demo": "serving:demo",
    "token": "tokens:token",
    "user": "people:user",
    "webhook": "webhooks:webhook",
    "secrets": "keeping:secrets",
    "check": "checking:check",
    "detector": "detectors:detector",
    "backup": "backing:backup",
    "restore": "backing:restore",
    "held": "holding:held",
    "upgrade": "upgrading:upgrade",
    "recording": "recording:recording",
    "replay": "replaying:replay",
    "load": "loading:load",
    "history": "history:history",
    "retention": "retaining:retention",
    "detect": "science:detect",
    "score": "science:score",
    "bench": "science:bench",
    "reports": "reports:reports",
    "service": "service:service",
}


class Lazy(Group):
    """Imports a command when it is called: `vonglau --help` must not wait for numpy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found: Any = getattr(import_module(f"vonglau.web.commands.{module}"), name)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vonglau")
def main() -> None:
    """Vọng Lâu: the open operations platform of a smart city, and of the country that runs many.

    Exit codes: 0 fine, 1 a check failed, 2 bad input. With --json the last line on stdout is one JSON object.
    """


if __name__ == "__main__":
    main()
