"""Many signed-in streams at once, as browsers hold them: each notes when an alert arrives. A process of its own, beside the server.

Started by `bench/stream.py` with `browsers=N`; prints a line when all are connected, and at the end of its input every alert's arrival as
JSON lines `[stream, Unix time, reference, log position of the newest evidence]`.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp

CONNECT_AT_ONCE = 20


async def follow(
    session: aiohttp.ClientSession,
    url: str,
    number: int,
    gate: asyncio.Semaphore,
    came: asyncio.Queue[int],
    seen: list[Any],
) -> None:
    timeout = aiohttp.ClientTimeout(total=None, sock_read=None)
    async with gate:
        answer = await session.get(url + "/api/stream?world=live", timeout=timeout)
    if answer.status != 200:
        raise RuntimeError(f"stream {number}: {answer.status}")
    name = b""
    async for line in answer.content:
        if line.startswith(b"event:"):
            name = line[6:].strip()
            if name == b"hello":
                came.put_nowait(number)
        elif line.startswith(b"data:") and name == b"alert":
            seen.append((number, time.time(), line[5:]))


async def main(url: str, session_id: str, streams: int) -> None:
    gate, came, seen = asyncio.Semaphore(CONNECT_AT_ONCE), asyncio.Queue[int](), list[Any]()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"Cookie": f"sessionid={session_id}"}) as session:
        tasks = [asyncio.ensure_future(follow(session, url, n, gate, came, seen)) for n in range(streams)]
        for _n in range(streams):
            await asyncio.wait_for(came.get(), 60)
        print("connected", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    known: dict[bytes, tuple[str, int]] = {}
    for number, at, raw in seen:
        if raw not in known:
            change = json.loads(raw)
            known[raw] = (change["ref"], change["evidence"][-1] if change["evidence"] else 0)
        print(json.dumps([number, at, *known[raw]]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
