"""Opening the log for writing, whoever does: no position that anybody knows of is given a second time."""

from pathlib import Path

from vonglau.core import lost, outages
from vonglau.core.log import Log
from vonglau.engines import open_writer


def open_log(data: Path) -> Log:
    """Raises `Unavailable` when another process has it or the state cannot be asked, `Broken` when the log is older than the state by more
    than can be left out."""
    log = open_writer(data)
    try:
        with outages.translated():
            lost.fill(log, data)
    except BaseException:
        log.close()
        raise
    return log
