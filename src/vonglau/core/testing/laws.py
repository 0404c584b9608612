"""The laws of contract 4, for any detector and any stream. Each raises AssertionError that says which law is broken, and what to look at.

A service's tests subclass `DetectorLaws`; where streams are drawn by a property test, the functions are called as they are.
"""

import ast
import importlib
import inspect
import random
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vonglau.core.detection import Detector
from vonglau.core.events import TICK_TYPE, Event
from vonglau.core.log import Batch
from vonglau.core.testing.streams import batch, fold, latest

Make = Callable[[], Detector]

FORBIDDEN = {
    "time.time", "time.time_ns", "time.monotonic", "time.sleep", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "datetime.datetime.now", "datetime.date.today", "timezone.now", "random.random", "random.randint", "random.choice",
    "random.uniform", "random.gauss", "random.shuffle", "uuid.uuid1", "uuid.uuid4", "os.environ.get", "os.getenv", "open",
}  # fmt: skip
FORBIDDEN_MODULES = (
    "django.db",
    "requests",
    "socket",
    "subprocess",
    "urllib.request",
    "http.client",
    "sqlite3",
    "secrets",
)
WATCHED = ("open", "socket.connect", "subprocess.Popen", "sqlite3.connect", "os.system")
MOST_POINTS, MOST_EVIDENCE = 100, 50


def cutting(make: Make, whole: Batch, cuts: Iterable[int]) -> None:
    """Where batches are cut, and whether the state went through bytes at a cut, changes nothing."""
    cuts = list(cuts)
    state, said = fold(make(), whole)
    for reload in (False, True):
        cut_state, cut_said = fold(make(), whole, cuts, reload=reload)
        how = f"cut at {sorted(cuts)}" + (", state dumped and loaded at each cut" if reload else "")
        assert cut_said == said, (
            f"{make().name}: other alerts when {how}: keep what spans batches in the state, all of it in dump()"
        )
        assert cut_state == state, (
            f"{make().name}: another state when {how}: let it depend on the events alone, not on their batches"
        )


def interleaving(make: Make, whole: Batch) -> None:
    """Keys do not touch each other: each shard sees its own rows and every tick, and says the same whoever shares its bucket."""
    detector = make()
    keys = detector.shard(whole)
    tick = np.array([type_ == TICK_TYPE for type_ in whole.type])
    _, together = fold(make(), whole)
    alone = []
    for key in sorted({key for key, is_tick in zip(keys, tick, strict=True) if not is_tick}):
        alone += fold(make(), whole.take([row for row in range(len(whole)) if tick[row] or keys[row] == key]))[1]
    advice = f"{detector.name}: what it says of one shard key depends on another's events: widen shard(), or keep the state by its key"
    assert {draft.identity: draft for draft in alone} == {draft.identity: draft for draft in together}, advice
    assert len(alone) == len(together), advice


def resuming(make: Make, whole: Batch, at: int) -> None:
    """After a crash events are folded again from the last saved state: the same alerts under the same identities."""
    detector = make()
    state, _ = detector.fold(detector.initial(), whole.take(range(at)))
    saved, rest = detector.dump(state), whole.take(range(at, len(whole)))
    _, first = detector.fold(state, rest)
    _, again = detector.fold(detector.load(saved), rest)
    assert again == first, (
        f"{detector.name}: folding again from the saved state says something else: dump() loses part of the state"
    )


def well_formed(make: Make, whole: Batch) -> None:
    """Times are in order, an alert ends once, and it rests on events of the stream."""
    _, said = fold(make(), whole)
    positions = set(whole.pos[[type_ != TICK_TYPE for type_ in whole.type]].tolist())
    ended: set[str] = set()
    for draft in said:
        name = f"{make().name}: alert {draft.kind} of {draft.subject}"
        assert draft.identity not in ended, f"{name} speaks again after it ended: a new episode needs a new identity"
        assert draft.onset_us <= draft.updated_us, f"{name} was updated before it began"
        assert draft.ended_us is None or draft.onset_us <= draft.ended_us <= draft.updated_us, (
            f"{name} ends before it began or after now"
        )
        assert len(draft.series) <= MOST_POINTS, f"{name} has more than {MOST_POINTS} points in its series"
        assert len(draft.evidence) <= MOST_EVIDENCE, f"{name} rests on more than {MOST_EVIDENCE} events"
        assert set(draft.evidence) <= positions, f"{name} rests on events that are not in the stream"
        assert [point[0] for point in draft.series] == sorted(point[0] for point in draft.series), (
            f"{name}: its series is out of order"
        )
        assert all(low <= middle <= high for _, _, middle, low, high in draft.series), (
            f"{name}: expected lies outside low and high"
        )
        if draft.ended_us is not None:
            ended.add(draft.identity)


def pure(make: Make, whole: Batch) -> None:
    """No clock, no chance, no I/O: neither in the source of the rules nor while they fold."""
    if wrong := impurities(type(make())):
        raise AssertionError(
            f"{make().name} is not pure: "
            + "; ".join(wrong)
            + ". Take time from events and ticks, the rest from the constructor."
        )
    first = fold(make(), whole)
    with _watched() as seen:
        again = fold(make(), whole)
    assert not seen, (
        f"{make().name} touches the outside while it folds ({', '.join(sorted(set(seen)))}): detectors do no I/O"
    )
    assert again == first, f"{make().name}: the same stream twice gives two results"


def impurities(detector: type[Detector]) -> list[str]:
    """Calls of clocks, chance and the outside in the detector's module and those of its own package that it imports."""
    return [fault for path in _sources(detector.__module__) for fault in _impure(path)]


def _sources(module: str) -> Iterator[Path]:
    """Files of a module and, once each, of what it imports from its own package; the house's own rooms are trusted."""
    home = module.partition(".rules")[0] if ".rules" in module else module.rpartition(".")[0]
    waiting, done = [module], set()
    while waiting:
        name = waiting.pop()
        if name in done or not (name == home or name.startswith(f"{home}.")):
            continue
        done.add(name)
        try:
            path = Path(inspect.getsourcefile(importlib.import_module(name)) or "")
        except (ImportError, TypeError):
            continue
        if not path.is_file():
            continue
        yield path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                waiting += [
                    node.module,
                    *(f"{node.module}.{one.name}" for one in node.names if f"{node.module}.{one.name}" in sys.modules),
                ]


def _impure(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN:
            yield f"{path.name}:{node.lineno} calls {ast.unparse(node.func)}()"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            for name in named:
                if f"{name}.".startswith(tuple(f"{bad}." for bad in FORBIDDEN_MODULES)):
                    yield f"{path.name}:{node.lineno} imports {name}"


_hooked: list[list[str]] = []


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    if _hooked and name in WATCHED:
        _hooked[-1].append(name)


@contextmanager
def _watched() -> Iterator[list[str]]:
    """What the interpreter's audit hook sees meanwhile. Hooks stay for good: it is added once, and listens only here."""
    if not getattr(_watched, "added", False):
        sys.addaudithook(_hook)
        _watched.added = True  # type: ignore[attr-defined]
    seen: list[str] = []
    _hooked.append(seen)
    try:
        yield seen
    finally:
        _hooked.pop()


class DetectorLaws(ABC):
    """Subclass it in a test module: `detector` makes one, `streams` gives a few event lists that raise and end alerts."""

    detector: ClassVar[Make]
    seed: ClassVar[int] = 1
    cuts: ClassVar[int] = 8
    """How many ways to cut each stream."""

    @abstractmethod
    def streams(self) -> Sequence[Sequence[Event]]:
        """The streams to fold: lists of events, ticks among them."""

    def _batches(self) -> list[Batch]:
        return [batch(stream) for stream in self.streams()]

    def _make(self) -> Detector:
        return type(self).detector()

    def test_streams_raise_alerts(self) -> None:
        """Guards the laws below: of a silent detector they would all hold."""
        assert any(latest(fold(self._make(), whole)[1]) for whole in self._batches()), "no stream raises an alert"

    def test_where_batches_are_cut_changes_nothing(self) -> None:
        chance = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        for whole in self._batches():
            for _ in range(self.cuts):
                cutting(
                    self._make, whole, sorted(chance.randrange(len(whole) + 1) for _ in range(chance.randint(1, 12)))
                )

    def test_shards_do_not_touch_each_other(self) -> None:
        for whole in self._batches():
            interleaving(self._make, whole)

    def test_folding_again_after_a_crash_says_the_same(self) -> None:
        for whole in self._batches():
            for part in (1, 2, 3):
                resuming(self._make, whole, len(whole) * part // 4)

    def test_alerts_are_well_formed(self) -> None:
        for whole in self._batches():
            well_formed(self._make, whole)

    def test_no_clock_no_chance_no_io(self) -> None:
        for whole in self._batches():
            pure(self._make, whole)
