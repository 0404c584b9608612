"""Two installations in one database, each in its own schemas: neither waits for the other, nor takes its turn."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from tests import engines

from vonglau.core.log import Outcome
from vonglau.engines import turn
from vonglau.engines.database import SCHEMA
from vonglau.engines.embedded.tests.helpers import event, outcomes
from vonglau.engines.postgresql import open_writer, schema
from vonglau.engines.postgresql.connection import connect

pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())
of_the_state = pytest.mark.skipif(not engines.POSTGRESQL, reason="the state of this session is a file")


def test_logs(tmp_path: Path) -> None:
    ours = engines.of_folder(tmp_path)
    theirs = replace(ours, log_schema=f"{ours.log_schema}_b")
    with connect(theirs, "test") as making, making.transaction():
        schema.prepare(making, theirs, bucket_us=10**9)  # its turn ends with the transaction
        log = open_writer(ours, tmp_path / "a")
    other = open_writer(theirs, tmp_path / "b")
    for one in (log, other):
        assert outcomes(one.append([event(0)])) == [Outcome.ACCEPTED]
        one.close()


@pytest.fixture
def theirs(transactional_db: None) -> Iterator[BaseDatabaseWrapper]:
    found = type(connections["default"])({**connection.settings_dict, SCHEMA: "elsewhere"}, alias="elsewhere")
    yield found
    found.close()


@of_the_state
def test_states(theirs: BaseDatabaseWrapper) -> None:
    with transaction.atomic():
        theirs.ensure_connection()
        with theirs.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        theirs.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        theirs.rollback()


@of_the_state
def test_turns(theirs: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    assert turn.Turn("worker").take()
    monkeypatch.setattr(turn, "connection", theirs)
    assert turn.Turn("worker").take()
