"""`serve` and `demo`."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from vonglau.web.commands.base import say, with_data


@click.command()
@with_data()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for every network.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--tier", type=click.Choice(["city", "national"]), default="city", show_default=True)
@click.option("--web", default=1, show_default=True, type=click.IntRange(1, 64), help="Web processes.")
@click.option("--name", "names", multiple=True, help="A further host name it answers to; may be repeated.")
@click.option(
    "--origin", default="", help="Public address, when a TLS proxy of yours stands in front: https://ioc.example.vn."
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["door", "web", "worker"]),
    help="A role of this host; may be repeated. Absent: all of them (or VONGLAU_ONLY).",
)
@click.option(
    "--web-at", multiple=True, help="Where the door finds web processes of another host: host:port; may be repeated."
)
@click.option("--web-listen", default="", help="Where web processes listen for a door on another host: host:port.")
@click.option("--door", default="", help="Where the door stands, on a host without one: http://10.0.0.1:8000.")
def serve(data: Path, as_json: bool, **asked: Any) -> NoReturn:
    """Serve DATA until stopped (Ctrl-C or SIGTERM): one door, some web processes, one worker; or some of them, on several hosts."""
    from django.db import connection

    from vonglau.engines import refuse_second_writer
    from vonglau.web import fallback
    from vonglau.web.options import value
    from vonglau.web.roles import Plan, served_by
    from vonglau.web.upgrades import refuse_behind

    refuse_behind(data)
    for key in ("only", "web_at", "web_listen", "door", "origin"):
        asked[key] = asked[key] or value(f"VONGLAU_{key.upper()}")
    asked["only"], asked["web_at"] = frozenset(asked["only"]), tuple(asked["web_at"])
    plan = Plan(data=data, shared=connection.vendor != "sqlite", **asked)
    fallback.settle(plan, say)
    if "door" in plan.only and not served_by(data):  # whoever serves this very folder is named by its lock
        refuse_second_writer(data)  # the door would find out too, and be started again for ever
    # The same process goes on without Django and this command's packages: the supervisor lives long and does little.
    words = [sys.executable, "-m", "vonglau.web.supervise", plan.encoded(), *(["--json"] if as_json else [])]
    os.execv(sys.executable, words)  # noqa: S606 - ourselves


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), default="demo-data", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when it is ready.")
def demo(data: Path, host: str, port: int, as_json: bool) -> int:
    """Make a drill world of Đà Nẵng whose day runs at 60×, and serve it with three demonstration accounts."""
    from vonglau.web.demo import run as run_demo

    run_demo(data.expanduser().resolve(), host, port, as_json=as_json)
    return 0
