"""The change stream: who sees what, where a client goes on, and what it is told when it cannot."""

import asyncio
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone

from vonglau.core.changes import Change, announce
from vonglau.core.people.models import Agency, User
from vonglau.core.worlds import World, WorldKind
from vonglau.kit import hub, stream, tokens
from vonglau.kit.hub import Channel, Hub, View
from vonglau.kit.stream import Streams

pytestmark = pytest.mark.django_db(transaction=True)


class Client:
    """One request to the endpoint, as a server would make it."""

    def __init__(self, query: str = "", **headers: str) -> None:
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/stream",
            "query_string": query.encode(),
            "headers": [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()],
        }
        self.status = 0
        self.text = b""
        self.leave = asyncio.Event()
        self.ended = False

    async def receive(self) -> dict[str, Any]:
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.text += message.get("body", b"")
            self.ended = not message.get("more_body", False)

    def events(self) -> list[tuple[str, int, dict[str, Any]]]:
        found = []
        for block in self.text.decode().split("\n\n"):
            fields = dict(
                line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":")
            )
            if "event" in fields:
                found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
        return found

    def names(self) -> list[str]:
        return [name for name, _, _ in self.events()]


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that must come; the suite's own time-out ends a wait in vain."""
    while not true():
        await asyncio.sleep(0.005)


def follow(act: Callable[[Streams, list[asyncio.Task[None]]], Any], limit: int = 10) -> None:
    """Run `act` beside a hub that follows the real table."""

    async def main() -> None:
        following = Hub()
        await following.start()
        streams, tasks = Streams(following, limit), []
        try:
            await act(streams, tasks)
        finally:
            following.close()
            await asyncio.gather(*tasks)
            await asyncio.to_thread(following.wait)

    asyncio.run(main())


@pytest.fixture
def live() -> World:
    return World.objects.create(id="live", kind=WorldKind.LIVE, title_vi="Thật", title_en="Live", locality="48")


@pytest.fixture
def agency() -> Agency:
    return Agency.objects.create(
        code="den", valid_from=timezone.localdate(), name_vi="Đèn", name_en="Lamps", kind="company"
    )


def session(user: User) -> str:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "vonglau.web.accounts.Backend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return f"sessionid={store.session_key}"


def person(name: str, role: str, **more: Any) -> User:
    return User.objects.create_user(name, password="x", role=role, **more)


def some_changes() -> None:
    announce("live", "alert", "a1", rank=3)
    announce("live", "incident", "SV-1", agency="den", state="assigned")
    announce("live", "incident", "SV-2", agency="nuoc", state="assigned")
    announce("drill", "incident", "SV-3", agency="den")


def test_the_centre_sees_its_world_and_an_agency_its_own_incidents_alone(live: World, agency: Agency) -> None:
    centre, own = session(person("truc", "operator")), session(person("den", "agency", agency=agency))

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        desk, crew = Client("world=live", cookie=centre), Client("world=live", cookie=own)
        tasks += [asyncio.ensure_future(streams(one.scope, one.receive, one.send)) for one in (desk, crew)]
        await until(lambda: bool(desk.events()) and bool(crew.events()))
        await asyncio.to_thread(some_changes)
        await until(lambda: len(desk.events()) == 4 and len(crew.events()) == 2)
        await asyncio.to_thread(announce, "live", "incident", "SV-4", agency="den")
        await until(lambda: len(desk.events()) == 5 and len(crew.events()) == 3)
        assert [data["ref"] for _, _, data in desk.events()[1:]] == ["a1", "SV-1", "SV-2", "SV-4"]
        assert [data["ref"] for _, _, data in crew.events()[1:]] == ["SV-1", "SV-4"]
        assert b"nuoc" not in crew.text

    follow(act)


def test_a_client_goes_on_where_it_stopped_and_misses_nothing(live: World) -> None:
    cookie = session(person("truc", "operator"))
    some_changes()
    first = Change.objects.order_by("pk").first()
    assert first is not None

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        back = Client("world=live", cookie=cookie, last_event_id=str(first.pk))
        tasks.append(asyncio.ensure_future(streams(back.scope, back.receive, back.send)))
        await until(lambda: len(back.events()) == 3)
        await asyncio.to_thread(announce, "live", "incident", "SV-9")
        await until(lambda: len(back.events()) == 4)
        assert [data.get("ref") for _, _, data in back.events()] == [None, "SV-1", "SV-2", "SV-9"]
        positions = [position for _, position, _ in back.events()]
        assert positions == sorted(set(positions))

    follow(act)


@pytest.mark.parametrize("after", ["1", "999999"])
def test_a_position_that_is_not_here_any_more_is_told_to_reload(live: World, after: str) -> None:
    cookie = session(person("truc", "operator"))
    for _ in range(3):
        some_changes()
    newest = hub.newest()
    Change.objects.filter(pk__lt=newest).delete()

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        late = Client(f"world=live&after={after}", cookie=cookie)
        tasks.append(asyncio.ensure_future(streams(late.scope, late.receive, late.send)))
        await until(lambda: bool(late.events()))
        assert late.events()[0][0] == "reset"
        assert late.events()[0][1] == newest

    follow(act)


def test_who_may_not_follow_is_told_why(live: World) -> None:
    text, _ = tokens.mint("sensor", ["events:write"], "live")
    reader, _ = tokens.mint("reader", ["read"], "live")
    World.objects.create(id="bao", kind=WorldKind.DRILL, title_vi="Bão", title_en="Storm", locality="48")

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        for client, status in (
            (Client("world=live"), 401),
            (Client("world=live", authorization="Bearer vl_nobody"), 401),
            (Client("world=live", cookie="sessionid=made-up"), 401),
            (Client("world=live", authorization=f"Bearer {text}"), 403),
            (Client("world=bao", authorization=f"Bearer {reader}"), 403),
            (Client("after=x", authorization=f"Bearer {reader}"), 400),
        ):
            await streams(client.scope, client.receive, client.send)
            assert client.status == status, client.text

    follow(act)


def test_a_signed_out_account_is_cut_and_others_stay(live: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.05)
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.02)
    going, staying = person("di", "operator"), person("o", "operator")
    one, two = session(going), session(staying)

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        cut, kept = Client("world=live", cookie=one), Client("world=live", cookie=two)
        tasks += [asyncio.ensure_future(streams(each.scope, each.receive, each.send)) for each in (cut, kept)]
        await until(lambda: bool(cut.events()) and bool(kept.events()))
        await asyncio.to_thread(lambda: User.objects.filter(pk=going.pk).update(is_active=False))
        await until(lambda: cut.ended)
        await asyncio.to_thread(announce, "live", "alert", "a9")
        await until(lambda: "alert" in kept.names())
        assert "alert" not in cut.names()

    follow(act)


def test_beyond_the_limit_a_client_is_asked_to_come_back(live: World) -> None:
    cookie = session(person("truc", "operator"))

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        first = Client("world=live", cookie=cookie)
        tasks.append(asyncio.ensure_future(streams(first.scope, first.receive, first.send)))
        await until(lambda: bool(first.events()))
        second = Client("world=live", cookie=cookie)
        await streams(second.scope, second.receive, second.send)
        assert second.status == 503
        first.leave.set()
        await until(lambda: streams.open == 0)
        third = Client("world=live", cookie=cookie)
        tasks.append(asyncio.ensure_future(streams(third.scope, third.receive, third.send)))
        await until(lambda: third.status == 200)

    follow(act, limit=1)


def test_a_heartbeat_moves_the_position_past_what_may_not_be_seen(
    live: World, agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.02)
    cookie = session(person("den", "agency", agency=agency))

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        crew = Client("world=live", cookie=cookie)
        tasks.append(asyncio.ensure_future(streams(crew.scope, crew.receive, crew.send)))
        await until(lambda: bool(crew.events()))
        made = await asyncio.to_thread(announce, "live", "alert", "a1")
        await until(lambda: f"id: {made.pk}\n".encode() in crew.text)
        assert crew.names() == ["hello"]

    follow(act)


def test_a_slow_client_falls_out_of_the_ring_and_a_fast_one_does_not() -> None:
    channel = Channel(View("live"))
    cursor = channel.end
    for number in range(hub.RING + 1):
        channel.put(b"x", number)
    assert channel.after(cursor) is None
    assert channel.after(channel.end) == b""
    assert channel.after(channel.end - 3) == b"xxx"
    channel.put(b"y" * (hub.RING_BYTES + 1), 1)
    assert channel.after(channel.end - 1) is None


def test_hostile_text_cannot_make_events_of_its_own(live: World) -> None:
    row = announce("live", "incident", "SV-1", title="\n\nevent: reset\ndata: {}\n\n\u2028")
    text = hub.encoded(row).text
    assert text.count(b"\n\n") == 1
    assert text.endswith(b"\n\n")
    assert text.count(b"\nevent: ") == 1


def test_a_client_that_takes_nothing_is_cut_and_does_not_hold_up_the_end(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = session(person("truc", "operator"))

    class Deaf(Client):
        async def send(self, message: Any) -> None:
            await super().send(message)
            if "hello" in self.names():
                await asyncio.Event().wait()

    async def act(streams: Streams, tasks: list[asyncio.Task[None]]) -> None:
        monkeypatch.setattr(stream, "SLOW_SECONDS", 0.05)
        cut = Deaf("world=live", cookie=cookie)
        await streams(cut.scope, cut.receive, cut.send)
        assert streams.open == 0
        monkeypatch.setattr(stream, "SLOW_SECONDS", 60.0)
        deaf, listening = Deaf("world=live", cookie=cookie), Client("world=live", cookie=cookie)
        tasks += [asyncio.ensure_future(streams(one.scope, one.receive, one.send)) for one in (deaf, listening)]
        await until(lambda: bool(deaf.events()) and bool(listening.events()))
        await streams.close()
        await asyncio.gather(*tasks)
        assert listening.ended
        assert not deaf.ended

    follow(act)
