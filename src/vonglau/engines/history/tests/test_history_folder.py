"""History may stand on another disk."""

from vonglau.engines import open_reader, open_writer
from vonglau.engines.embedded.tests.helpers import events


def test_sealed_files_stand_where_the_setting_says(tmp_path, monkeypatch):
    elsewhere = tmp_path / "large disk" / "history"
    monkeypatch.setenv("VONGLAU_HISTORY", str(elsewhere))
    log = open_writer(tmp_path / "data")
    log.append(events(0, 20))
    assert log.seal(keep=5, through=100) == 15
    log.close()
    assert [path.suffix for path in sorted(elsewhere.iterdir())] == [".parquet", ".npy"]
    assert not (tmp_path / "data" / "sealed").exists()
    reader = open_reader(tmp_path / "data")
    assert [one.event for one in reader.read(0, 100)[0]] == events(0, 20)
    reader.close()
