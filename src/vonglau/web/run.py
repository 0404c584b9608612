"""One process of `vonglau serve`, as the supervisor starts it: `python -m vonglau.web.run door|web|worker …`."""

import argparse
import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vonglau.web.settings")

import django
from django.urls import get_resolver

from vonglau.web import serving

log = logging.getLogger("vonglau.run")

WEB_AT_ONCE = 256


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("door", "web", "worker"))
    parser.add_argument("--name", required=True)
    parser.add_argument("--life", type=int, required=True, help="read end of the supervisor's pipe")
    parser.add_argument("--socket", type=int, help="the listening socket")
    parser.add_argument(
        "--backend", action="append", default=[], help="where web processes are: unix:/path or host:port"
    )
    return parser.parse_args()


async def _door(arguments: argparse.Namespace) -> None:
    from django.conf import settings

    from vonglau.web.backends import Backends
    from vonglau.web.front import Front
    from vonglau.web.gate import Limits

    stop = serving.stop_event()
    streams = settings.VONGLAU_STREAMS
    limits = Limits(
        settings.VONGLAU_RATE_TOKEN,
        settings.VONGLAU_RATE_ADDRESS,
        settings.VONGLAU_RATE_SIGN_IN,
        settings.VONGLAU_RATE_REPORTS,
    )
    proxies = settings.VONGLAU_PROXIES if settings.VONGLAU_ORIGIN else ()
    front = Front(
        Path(settings.VONGLAU_DATA),
        Backends(arguments.backend),
        streams=streams,
        limits=limits,
        proxies=proxies,
        hsts=settings.VONGLAU_HSTS if settings.VONGLAU_ORIGIN.startswith("https://") else 0,
    )
    await front.start()
    serving.set_aside()
    try:
        # Streams count as requests at a time: the server's own limit must lie well above theirs, or pages would hang.
        await serving.serve(
            front, arguments.socket, unix=False, at_once=streams + 4096, stop=stop, on_stop=front.close_streams
        )
    finally:
        await front.stop()


async def _web(arguments: argparse.Namespace) -> None:
    from django.conf import settings

    from vonglau.kit.metrics import Numbers
    from vonglau.web import asgi, hop
    from vonglau.web.keys import internal_token

    stop = serving.stop_event()
    data = Path(settings.VONGLAU_DATA)
    numbers = Numbers(arguments.name, data)

    async def write() -> None:
        while True:
            await asyncio.to_thread(numbers.write)
            await asyncio.sleep(1)

    writing, warming = asyncio.ensure_future(write()), asyncio.ensure_future(_warm())
    unix = _is_unix(arguments.socket)
    application = asgi.application if unix else hop.FromTheDoor(asgi.application, hop.key_of(internal_token(data)))
    await serving.serve(application, arguments.socket, unix=unix, at_once=WEB_AT_ONCE, stop=stop, on_stop=_nothing)
    for task in (writing, warming):
        task.cancel()


async def _warm() -> None:
    """Every page's code, before somebody asks for the first one."""
    try:
        await asyncio.to_thread(lambda: get_resolver().url_patterns)
    finally:
        serving.set_aside()


def _is_unix(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as found:
        return found.family == socket.AF_UNIX


async def _nothing() -> None:
    """Requests to Django end by themselves."""


def main() -> None:
    serving.hold_collector()
    arguments = _arguments()
    serving.follow_life(arguments.life)
    serving.raise_open_files()
    django.setup()
    from vonglau.core.errors import VongLauError

    try:
        if arguments.kind == "worker":
            from vonglau.web.worker import main as work

            serving.set_aside()
            work()
        else:
            serving.run(lambda: _door(arguments) if arguments.kind == "door" else _web(arguments))
    except VongLauError as problem:
        # Known, with advice: a traceback would hide it. The supervisor tries again, later each time.
        log.error("%s cannot run: %s", arguments.name, problem.message)
        sys.exit(1)


if __name__ == "__main__":
    main()
