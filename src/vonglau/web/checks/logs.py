"""The log: dense positions, identities stored once, sealed files as the manifest names them, readers within its bounds."""

from collections.abc import Iterator

from vonglau.core import lost
from vonglau.engines import history
from vonglau.engines.history import damage
from vonglau.web.checks import Place, check

RESTORE = "Stop the server, keep a copy of the folder as it is, and make a new one of the last backup: `vonglau restore DIR NEW`."


@check("log-positions", find="SELECT min(pos), max(pos), count(*) FROM event on log.db", do=RESTORE)
def positions(place: Place) -> Iterator[str]:
    """Positions have no gaps: sealed files follow one another, and the tail follows the last of them."""
    end = 0
    for first, last, rows, name in place.log.ask(
        "SELECT first_pos, last_pos, rows + (SELECT coalesce(sum(t.rows), 0) FROM tombstone AS t WHERE t.first_pos = s.first_pos), "
        "name FROM sealed AS s ORDER BY first_pos"
    ):
        if end and first != end + 1:
            yield f"between position {end} and {first} ({name}) events are missing"
        if rows != last - first + 1:
            yield f"{name} and what retention took out of it are {rows} rows for positions {first} to {last}"
        end = last
    first, last, rows = place.log.one("SELECT min(pos), max(pos), count(*) FROM event WHERE pos > ?", (end,))
    if rows and (first != end + 1 or last - first + 1 != rows):
        yield f"the tail has {rows} events between positions {first} and {last}, after {end} sealed"


@check(
    "log-identities",
    find="SELECT world, source, id, count(*) FROM event GROUP BY 1, 2, 3 HAVING count(*) > 1 on log.db",
    do="Events were stored twice: figures count them twice. Keep a copy of the folder and report it.",
)
def identities(place: Place) -> Iterator[str]:
    """No event of the tail is stored twice."""
    query = "SELECT world, source, id, count(*), min(pos) FROM event GROUP BY world, source, id HAVING count(*) > 1"
    for world, source, id_, count, pos in place.log.ask(query):
        yield f"event {id_!r} of {source!r} in world {world!r} stands {count} times, first at position {pos}"


@check(
    "log-sealed",
    find="the table `sealed` of log.db and the folder sealed/",
    do="Put these files back from a backup (docs/howto/when-things-break.md): nothing needs to be stopped. Look at the disk.",
)
def sealed(place: Place) -> Iterator[str]:
    """Every sealed file of the manifest is there, with the size and the SHA-256 it was sealed with."""
    for file in place.log.sealed():
        path = history.folder(place.data) / file.name
        if not file.rows:
            continue  # retention took all of it
        if not path.exists():
            yield f"sealed/{damage.name(file)} is missing"
        elif path.stat().st_size != file.bytes:
            yield f"sealed/{damage.name(file)} has {path.stat().st_size} bytes instead of {file.bytes}"
        elif damage.changed(path.parent, file):
            yield f"sealed/{damage.name(file)} is not the file that was sealed"


@check(
    "log-readers",
    find="SELECT * FROM core_cursor",
    do="Events at the log's end are gone. Start the server: it leaves their positions out and says which. Where it refuses, the log is "
    "older than the state: restore both from the same backup.",
)
def readers(place: Place) -> Iterator[str]:
    """Nobody who keeps a position stands beyond the end of the log."""
    head = place.reader.head()
    for who, position in lost.known():
        if position > head:
            yield f"{who} stands at {position}, the log ends at {head}"


@check("log-quarantine", find="SELECT state, count(*) FROM quarantine GROUP BY state on log.db", do=RESTORE)
def quarantine(place: Place) -> Iterator[str]:
    """A resubmitted item names the event that replaced it."""
    head = place.reader.head()
    query = "SELECT id, pos FROM quarantine WHERE state = 'resubmitted' AND (pos IS NULL OR pos > ?)"
    for id_, pos in place.log.ask(query, (head,)):
        yield f"quarantined item {id_} was resubmitted as position {pos}, which is not in the log"
