"""What retention takes is accounted for file by file, and a dry run says exactly what a real one would take. On both engines."""

import inspect
import json
from pathlib import Path

import pytest

from vonglau.core import audit
from vonglau.core.errors import StorageFull
from vonglau.core.log import Log
from vonglau.engines import open_writer
from vonglau.engines.embedded.tests.helpers import events
from vonglau.engines.history import retention, sealing
from vonglau.engines.history.tests.test_retention import ALL, LONG_AGO, NOBODY
from vonglau.web import retaining
from vonglau.web.commands.retaining import retention as command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _all_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    cutoffs = retaining.cutoffs()

    class All:
        policy = cutoffs.policy
        newest_us, of = ALL.newest_us, staticmethod(ALL.of)

    monkeypatch.setattr(retaining, "cutoffs", All)
    monkeypatch.setattr(retaining.retention, "needs", lambda: NOBODY)
    monkeypatch.setattr(sealing, "FILE_ROWS", 20)


def log_with_two_files(folder: Path, *, horizon_us: int) -> Log:
    log = open_writer(folder, horizon_us=horizon_us)
    log.append(events(0, 50))
    assert log.seal(keep=10, through=100) == 40
    return log


def accounted() -> list[list[int]]:
    return [said["positions"] for _row, said in audit.rows(retaining.STREAM)]


def test_what_was_taken_is_accounted_for_though_a_later_file_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_with_two_files(tmp_path, horizon_us=LONG_AGO)
    assert isinstance(log, retaining.Keeping)
    take = retention._take

    def full(keeper: object, file: object, *more: object) -> None:
        if file.first_pos > 1:  # type: ignore[attr-defined]
            raise StorageFull
        take(keeper, file, *more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_take", full)
        with pytest.raises(StorageFull):
            retaining.run(log, "test")
    assert accounted() == [[1, 20]]
    taken, _renewed = retaining.run(log, "test")
    assert [one.first_pos for one in taken] == [21]
    assert accounted() == [[1, 20], [21, 40]]
    log.close()


def dry_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> int:
    inspect.unwrap(command.callback)(folder, as_json=True, dry_run=True)  # type: ignore[arg-type]
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return sum(one["events"] for one in said["removed"])


def test_a_dry_run_leaves_out_files_whose_identities_are_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = log_with_two_files(tmp_path, horizon_us=10**15)
    assert isinstance(log, retaining.Keeping)
    assert dry_run(tmp_path, capsys) == 0
    assert retaining.run(log, "test") == ([], 0)
    log.close()
    log = open_writer(tmp_path, horizon_us=LONG_AGO)
    assert log.seal(keep=10, through=100) == 0, "nothing to seal, but identities to forget"
    assert isinstance(log, retaining.Keeping)
    assert dry_run(tmp_path, capsys) == 40
    assert sum(one.rows for one in retaining.run(log, "test")[0]) == 40
    log.close()
