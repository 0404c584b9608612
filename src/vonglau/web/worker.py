"""The worker: folds the log into alerts, delivers notices, publishes events, closes what waits, seals the audit's checkpoints.

Folding has the main thread to itself. What may be slow (mail) or waits for others (the door) has a thread each, so that an alert never
waits for it. No transaction is long, and every loop pauses after a commit: SQLite's writers do not queue.
"""

import contextlib
import http.client
import logging
import shutil
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, models
from django.utils import timezone

from vonglau.core import alerts, audit, changes, outages, seams
from vonglau.core.changes import Change
from vonglau.core.errors import StorageFull, Unavailable, VongLauError
from vonglau.core.events import from_us
from vonglau.core.failing import Failing
from vonglau.core.incidents import desk, escalation
from vonglau.core.models import Checkpoint, Notice, Publication
from vonglau.core.notify import fan_out, outbox
from vonglau.core.notify.sender import Sender
from vonglau.core.places.index import PlaceIndex
from vonglau.core.projector import Projector
from vonglau.core.runner import Runner
from vonglau.core.watch import Watch
from vonglau.core.worlds import World
from vonglau.engines import open_reader
from vonglau.engines.turn import Turn
from vonglau.gateways.notices.channels import channels
from vonglau.kit import door
from vonglau.kit.metrics import Numbers
from vonglau.web.keys import internal_token

log = logging.getLogger("vonglau.worker")

POLL_SECONDS = 0.01
IDLE_SECONDS = 1.0
"""The fold looks at least this often, so that it saves where it stands."""
PUBLISH_SECONDS = 0.2
PROJECT_SECONDS = 0.5
"""How often each projection looks for what is new: pages may be this much behind."""
PUBLISH_AT_ONCE = 200
CHECKPOINT_SECONDS = 60.0
STANDBY_SECONDS = 1.0
SPARE_BYTES = 16 * 1024 * 1024
"""Free room on the disk from which a fold that found none is begun again."""
OUTAGE_SECONDS = 1.0
"""How often a task that only waits (for room, for the database, for the door) tries again."""
FIRST_SECONDS = 1.0
"""When each task runs for the first time: after a crash what was left over does not wait for an hour."""


def locator(localities: frozenset[str], folder: Path) -> alerts.Locate:
    """(lon, lat) → (ward, near a border) for the localities of this installation's worlds."""
    index = PlaceIndex.open(folder, localities or None)

    def locate(lon: float, lat: float) -> tuple[str, bool]:
        found = index.locate(lon, lat)
        return (found.ward_code, found.near_border) if found else ("", False)

    return locate


class Worker:
    """`run` returns when `stop` was called; a thread that fails tries again, and the log says why."""

    def __init__(self, data: Path, turn: Turn, stopping: threading.Event) -> None:
        self.data, self.turn, self.stopping = data, turn, stopping
        self._sure_at = time.monotonic()
        self.numbers = Numbers("worker", data)
        self.reader = open_reader(data)
        localities = frozenset(World.objects.values_list("locality", flat=True))
        locate = locator(localities, data / "cache")
        watch = Watch(data / "run", settings.VONGLAU_FOLD_SECONDS)
        self.runner = Runner(self.reader, seams.detectors(), locate, watch=watch)
        self.projectors = [Projector(open_reader(data), one, locate) for one in seams.projections()]
        self.sender = Sender(channels())
        self.follower = open_reader(data)
        self._oldest_us: int | None = None
        self.numbers.on_write(self._measure)

    def run(self) -> None:
        keeping = [(PROJECT_SECONDS, projector.follow) for projector in self.projectors]
        threads = [
            threading.Thread(target=self._every, args=(seconds, task), name=task.__name__, daemon=True)
            for seconds, task in (
                *keeping,
                (0.5, self.deliver),
                (0.5, self.follow),
                (5.0, self.remind),
                (PUBLISH_SECONDS, Publisher(self).publish),
                (1.0, self.figures_changed),
                (5.0, self.close_silent),
                (CHECKPOINT_SECONDS, self.checkpoint),
                (3600.0, self.prune),
                (3600.0, self.tidy),
                (3600.0, self.upkeep),
                (1.0, self.write),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            with outages.translated():
                self.fold()
        except StorageFull as full:
            self._wait_for_room(full)
            raise
        finally:
            self.stopping.set()
            with contextlib.suppress(DatabaseError):  # without a database, or without room, nothing is to be saved
                if self.turn.held():
                    self.runner.save()
            self.runner.watch.close()
            for thread in threads:
                thread.join(2)
            with contextlib.suppress(DatabaseError):
                if self.turn.held():
                    self.checkpoint()  # what happened since the last one is vouched for before the lights go out
            self.numbers.write()

    def fold(self) -> None:
        """The main loop: version first, then the rows, so that nothing committed between the two is missed."""
        seen, looked = -1, 0.0
        while not self.stopping.is_set():
            self._be_sure()
            version = self.reader.version()
            if version == seen and time.monotonic() - looked < IDLE_SECONDS:
                self.stopping.wait(POLL_SECONDS)
                continue
            seen, looked = version, time.monotonic()
            while self.runner.step() and not self.stopping.is_set():
                self.numbers.beat("fold")
                self._be_sure()
                time.sleep(0.001)
            self.numbers.beat("fold")

    def _wait_for_room(self, full: StorageFull) -> None:
        """A fold that could not be stored begins again in a new process; there is no use in that while the disk is full."""
        log.error("the fold waits: %s", full)
        while not self.stopping.wait(1.0) and shutil.disk_usage(self.data).free < SPARE_BYTES:
            pass

    def _be_sure(self) -> None:
        """Once a second: is it still our turn? Raises Unavailable when another may fold."""
        if time.monotonic() - self._sure_at >= 1:
            if not self.turn.held():
                raise Unavailable("The database let go of this worker; another may fold now. It is started again.")
            self._sure_at = time.monotonic()

    def _every(self, seconds: float, task: Callable[[], None]) -> None:
        """A supervisor: what fails is logged and tried again, later each time, up to half a minute."""
        failing, pause = Failing(), min(seconds, FIRST_SECONDS)
        while not self.stopping.wait(pause):
            try:
                task()
                pause = seconds
                if (was := failing.well()) is not None:
                    log.warning("%s works again after %d failures in %.0f s", task.__name__, *was)
            except Exception as problem:  # a supervisor
                outage = outages.outage(problem)
                if failing.worth_saying(outage or problem):
                    if outage is not None:
                        log.error("%s waits: %s", task.__name__, outage)
                    else:
                        log.exception("%s failed; it is tried again", task.__name__)
                pause = min(30.0, max(seconds, 0.2) * 2 ** min(failing.times, 10))
                if outage is not None:  # nothing is wrong with the task: it goes on as soon as it can
                    pause = min(pause, OUTAGE_SECONDS)
                connection.close()
        connection.close()

    def deliver(self) -> None:
        self.sender.deliver(self.stopping.is_set)

    def follow(self) -> None:
        """Queue events of the log for webhooks, until nothing is new or they have enough to do."""
        while fan_out.follow(self.follower) and not self.stopping.is_set():
            time.sleep(0.001)

    def remind(self) -> None:
        """Tell of deadlines that draw near, on each world's own clock."""
        for world in World.objects.filter(ended_at=None):
            escalation.run(world, world.now())

    def close_silent(self) -> None:
        for world in World.objects.filter(ended_at=None):
            if not world.driven:
                desk.close_silent(world.pk, world.now())

    def checkpoint(self) -> None:
        audit.checkpoint(export=self.data / "checkpoints.jsonl")

    def prune(self) -> None:
        changes.prune()
        outbox.prune(timezone.now())

    def upkeep(self) -> None:
        for service in seams.services():
            if service.upkeep is not None:
                service.upkeep()

    def tidy(self) -> None:
        """SQLite chooses indexes by statistics that only we renew, from a thousand rows of each; PostgreSQL renews its own."""
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA analysis_limit = 1000")
                cursor.execute("PRAGMA optimize = 0x10002")  # all tables, whatever this connection has used

    def figures_changed(self) -> None:
        """An incident changed, so figures may have: said once a second and world, however many incidents."""
        head = Change.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        since = getattr(self, "_figures_since", head)
        self._figures_since = head
        for world in (
            Change.objects.filter(pk__gt=since, pk__lte=head, kind="incident")
            .values_list("world", flat=True)
            .distinct()
        ):
            changes.announce(world, "indicator", "*")

    def write(self) -> None:
        self.numbers.write()

    def _measure(self) -> None:
        progress, numbers = self.runner.progress, self.numbers
        numbers.total("vonglau_detector_events", progress.events)
        numbers.total("vonglau_alerts", progress.alerts)
        numbers.gauge("vonglau_detector_late", progress.late)
        numbers.gauge("vonglau_detector_broken", len(progress.stopped))
        numbers.gauge("vonglau_detector_skipped", progress.skipped)
        numbers.gauge("vonglau_detector_lag_events", self.runner.lag())
        numbers.gauge("vonglau_detector_lag_seconds", self._lag_seconds())
        states = ("pending", "sending", "failed")
        rows = Notice.objects.filter(state__in=states).values_list("state").annotate(models.Count("pk"))
        counted = dict(rows.order_by())
        for state in states:
            numbers.gauge("vonglau_notices", counted.get(state, 0), state=state)
        numbers.total("vonglau_notices_sent", self.sender.delivered, outcome="delivered")
        numbers.total("vonglau_notices_sent", self.sender.failed, outcome="failed")
        numbers.gauge("vonglau_publications_pending", Publication.objects.filter(sent_at=None).count())
        numbers.gauge("vonglau_checkpoint", Checkpoint.objects.order_by("-n").values_list("n", flat=True).first() or 0)

    def _lag_seconds(self) -> float:
        waiting, _cursor = self.reader.read(self.runner.progress.position, 1)
        if not waiting:
            return 0.0
        return max(0.0, (datetime.now(UTC) - from_us(waiting[0].recorded_us)).total_seconds())


class Publisher:
    """Sends publications to the door, in order, each under its own stable id: twice is harmless."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.token = internal_token(worker.data)
        self._link: http.client.HTTPConnection | None = None

    def publish(self) -> None:
        while not self.worker.stopping.is_set():
            rows = list(Publication.objects.filter(sent_at=None).order_by("pk")[:PUBLISH_AT_ONCE])
            if not rows:
                return
            self._post(b"[" + b",".join(bytes(row.body) for row in rows) + b"]")
            Publication.objects.filter(pk__in=[row.pk for row in rows]).update(sent_at=timezone.now())
            self.worker.numbers.count("vonglau_publications_sent", len(rows))
            time.sleep(0.001)

    def _post(self, body: bytes) -> None:
        """Raises when the door did not take them: the supervisor around us tries again."""
        if self._link is None:
            self._link = door.connection()
        headers = {
            "Content-Type": "application/cloudevents-batch+json",
            "Authorization": f"Bearer {self.token}",
        }
        try:
            self._link.request("POST", "/api/events", body, headers)
            answer = self._link.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            self._link.close()
            self._link = None
            raise
        if answer.status in (429, 503, 507):
            raise Unavailable(f"The door answers {answer.status} to publications; they wait in order.")
        if answer.status != 202:
            raise VongLauError(f"The door answered {answer.status} to publications: {said[:300]!r}")


def stand_by(turn: Turn, numbers: Numbers, stopping: threading.Event) -> bool:
    """Wait until the state's database answers and no other worker of the installation folds. False when asked to stop before."""
    failing, told = Failing(), False
    while not stopping.is_set():
        try:
            if turn.take():
                return True
            if (was := failing.well()) is not None:
                log.warning("%s works again after %d failures in %.0f s", "standing by", *was)
            if not told:
                log.warning(
                    "another worker folds for this installation; this one stands by and takes over when that one ends"
                )
                told = True
            numbers.beat("standby")
            numbers.write()
        except DatabaseError as problem:
            outage = outages.outage(problem)
            if outage is None:
                raise
            if failing.worth_saying(outage):
                log.error("the fold waits: %s", outage)
            connection.close()
        stopping.wait(STANDBY_SECONDS)
    return False


def main() -> None:
    stopping, data, turn = threading.Event(), Path(settings.VONGLAU_DATA), Turn("worker")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if stand_by(turn, Numbers("worker", data), stopping):
        with outages.translated():
            Worker(data, turn, stopping).run()
