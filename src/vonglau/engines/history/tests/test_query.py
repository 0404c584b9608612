"""Questions in SQL: the right rows of the right world, and nothing but questions."""

import shutil
from pathlib import Path

import pytest
from tests import engines

from vonglau.core.errors import BadInput, Overloaded
from vonglau.engines import open_history as open_reader
from vonglau.engines import open_writer
from vonglau.engines.history import HistoryReader, SealedFile
from vonglau.engines.history.duck import Limits
from vonglau.engines.history.query import ask
from vonglau.engines.history.snapshot import Asked
from vonglau.engines.history.tests.test_layout import OLD, START_US, Known, expected

MINUTE = 60_000_000
LIVE = Asked("live")
USUAL = Limits()


@pytest.fixture(params=["tail", "joined", "sealed", "files", "old layout"])
def reader(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same 60 events, wherever they stand; every answer must be the same."""
    log = open_writer(tmp_path)
    if request.param == "old layout":
        shutil.copy(OLD, tmp_path / "sealed" / OLD.name)
        span = (START_US, START_US + 49 * MINUTE, START_US)
        engines.name_sealed(log, SealedFile(1, 50, 50, OLD.name, OLD.stat().st_size, "00", *span))
        log.close()
        log = open_writer(tmp_path)
        log.append([expected(n) for n in range(50, 60)])
    else:
        if request.param == "files":
            from vonglau.engines.history import sealing

            monkeypatch.setattr(sealing, "FILE_ROWS", 7)
        log.append([expected(n) for n in range(60)])
        log.seal(keep={"tail": 60, "joined": 25, "files": 5}.get(request.param, 0), through=100)
    log.close()
    reader = open_reader(tmp_path)
    yield reader
    reader.close()


def rows(reader: HistoryReader, sql: str, asked: Asked = LIVE, limits: Limits = USUAL) -> list[dict]:
    return ask(reader, Known(), asked, sql, limits)[0].to_pylist()


def numbers(reader: HistoryReader, asked: Asked) -> list[int]:
    return [row["pos"] - 1 for row in rows(reader, "SELECT pos FROM events ORDER BY pos", asked)]


def test_one_world_at_a_time(reader):
    drill = [n for n in range(60) if n % 10 == 3]
    assert numbers(reader, LIVE) == [n for n in range(60) if n not in drill]
    assert numbers(reader, Asked("drill-1")) == drill
    assert numbers(reader, Asked("drill-2")) == []
    assert numbers(reader, Asked(None)) == list(range(60))


def test_a_period_is_half_open(reader):
    asked = Asked(None, START_US + 10 * MINUTE, START_US + 55 * MINUTE)
    assert numbers(reader, asked) == list(range(10, 55))


def test_columns_are_what_the_reference_says(reader):
    (row,) = rows(reader, "SELECT * FROM events WHERE id = 'e12'")
    assert row["data"] == expected(12).data.decode()
    assert (row["source"], row["subject"], row["world"]) == ("/sensors", "s0", "live")
    assert (row["lon"], row["lat"]) == (expected(12).lon, expected(12).lat)
    assert row["time"].isoformat() == "2026-01-01T07:12:00+07:00"
    assert (str(row["local_day"]), row["local_hour"]) == ("2026-01-01", 7)
    assert row["extensions"] is None


def test_only_the_columns_asked_for_are_read_and_the_answer_is_the_same(reader):
    said = "SELECT subject, count(*) AS n FROM events WHERE type LIKE '%measured' GROUP BY ALL ORDER BY 1"
    expected_rows = [
        {"subject": f"s{s}", "n": sum(n % 3 == s and n % 10 not in (3, 7) for n in range(60))} for s in range(3)
    ]
    assert rows(reader, said) == expected_rows
    assert rows(reader, said.replace("FROM events", "FROM (SELECT * FROM events)")) == expected_rows
    assert rows(reader, "SELECT e FROM events e WHERE e.pos = 13")[0]["e"]["id"] == "e12"


def test_derived_columns(tmp_path):
    """Files of the first layout know neither wards nor numbers until they are rewritten."""
    log = open_writer(tmp_path)
    log.append([expected(n) for n in range(60)])
    log.close()
    reader = open_reader(tmp_path)
    said = "SELECT ward, quantity, sum(value) AS total FROM events GROUP BY ALL ORDER BY ALL"
    mine = [n for n in range(60) if n % 10 not in (3, 7)]
    assert rows(reader, said) == [
        {"ward": "20194", "quantity": "flow", "total": sum(n + 0.5 for n in mine if n % 2)},
        {"ward": "20194", "quantity": "speed", "total": sum(n + 0.5 for n in mine if n % 2 == 0)},
        {"ward": None, "quantity": None, "total": None},
    ]
    reader.close()


HOSTILE = [
    "COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "COPY events TO '/tmp/stolen.parquet'",
    "ATTACH '/tmp/other.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '100GB'",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW events",
    "INSERT INTO events VALUES (1)",
    "EXPORT DATABASE '/tmp/stolen'",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_parquet('sealed/*.parquet')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM events WHERE id IN (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (SELECT * FROM read_blob('/etc/passwd')) SELECT * FROM x",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('tail')",
    "SELECT * FROM tail",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM memory.main.events",
    "SHOW TABLES",
    "FROM sqlite_scan('/tmp/x.db', 'y')",
    "SELECT getenv('HOME')",
    "",
    "-- nothing",
    "not SQL at all",
    "SELECT '" + "x" * 100_000 + "'",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_nothing_but_questions_about_events(sql, tmp_path):
    log = open_writer(tmp_path)
    log.append([expected(n) for n in range(10)])
    log.seal(keep=5, through=10)
    log.close()
    reader = open_reader(tmp_path)
    with pytest.raises(BadInput) as refused:
        rows(reader, sql)
    assert "Traceback" not in refused.value.message
    reader.close()
    assert not list(Path("/tmp").glob("stolen*"))


class TestWithoutTheGuard:
    """The connection itself lets nothing out, should the parser's tree ever mislead us."""

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT * FROM read_text('/etc/passwd')",
            "COPY (SELECT 1) TO '/tmp/stolen.csv'",
            "ATTACH '/tmp/stolen.db'",
            "SET enable_external_access = true",
            "SET threads = 64",
            "INSTALL httpfs",
        ],
    )
    def test_it_is_locked(self, sql, tmp_path):
        from vonglau.engines.history import duck

        open_writer(tmp_path).close()
        reader = open_reader(tmp_path)
        con, found = duck.opened(reader, Known(), LIVE, Limits())
        with pytest.raises((BadInput, Overloaded)):
            duck.ask(con, found, sql, Limits())
        con.close()
        reader.close()


class TestLimits:
    @pytest.fixture
    def reader(self, tmp_path):
        log = open_writer(tmp_path)
        log.append([expected(n) for n in range(60)])
        log.close()
        reader = open_reader(tmp_path)
        yield reader
        reader.close()

    def test_rows_beyond_the_limit_are_left_out_and_it_is_said(self, reader):
        table, cut = ask(reader, Known(), LIVE, "SELECT * FROM range(1000)", Limits(rows=10))
        assert (len(table), cut) == (10, True)
        table, cut = ask(reader, Known(), LIVE, "SELECT * FROM range(10)", Limits(rows=10))
        assert (len(table), cut) == (10, False)

    def test_a_question_without_end_is_stopped(self, reader):
        endless = "SELECT count(*) FROM range(1000000000) a, range(1000000) b"
        with pytest.raises(Overloaded, match=r"0\.2 s"):
            rows(reader, endless, limits=Limits(seconds=0.2))

    def test_memory_is_bounded(self, reader):
        greedy = "SELECT list(a.range || b.range::VARCHAR) FROM range(100000) a, range(1000) b"
        with pytest.raises(Overloaded, match="memory"):
            rows(reader, greedy, limits=Limits(memory_mb=64, seconds=120))
