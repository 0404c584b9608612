"""Made `release-0.1.0.tar.xz`: a small city as release 0.1.0 (commit 7f10230) leaves it, for today's code to bring forward.

    git archive 7f10230 | tar x -C /tmp/old
    PYTHONPATH=/tmp/old/src:/tmp/old python tests/upgrades/make_0_1_0.py /tmp/city tests/upgrades/release-0.1.0.tar.xz

It holds: two days of one street in a recording with a jam (an alert, an incident), live events, two reports by citizens (one verified,
one with a photo), an item in quarantine, sealed history and a tail, checkpoints, keys where that release kept them. Localities and wards
are taken out: every release ships them, and an upgrade loads them. All of it is invented. Run once; kept because data need a maker.
"""

import io
import json
import sqlite3
import sys
import tarfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from tests.serving import new_city, serving, token
from vonglau import __version__
from vonglau.engines.embedded import open_writer
from vonglau.services.traffic.tests.streams import DAY, HOUR, MINUTE, MONDAY, altered, steady

PLACES = (
    "core_wardborder",
    "core_localityborder",
    "core_localitysuccession",
    "core_ward",
    "core_locality",
    "core_placesedition",
)


def events() -> list[dict[str, object]]:
    jam = altered(steady(2, every=10 * MINUTE), 0.3, MONDAY + DAY + 20 * HOUR, 2 * HOUR)
    recorded = [
        {
            "specversion": "1.0",
            "id": f"rec-{n}",
            "source": "/recording",
            "type": "vn.vonglau.traffic.measured",
            "subject": "s1",
            "exercise": "past-week",
            "lon": "108.22",
            "lat": "16.06",
            "time": datetime.fromtimestamp(row.at / 1e6, UTC).isoformat(),
            "data": {"quantity": "speed", "value": round(row.value or 0, 1)},
        }
        for n, row in enumerate(jam)
    ]
    live = [
        {"specversion": "1.0", "id": str(n), "source": "/live", "type": "x.live", "time": "2026-11-20T00:00:00Z"}
        for n in range(200)
    ]
    return [*recorded, *live]


def main(data: Path, archive: Path) -> None:
    assert __version__ == "0.1.0"
    new_city(data)
    key, recording = token(data, "events:write,quarantine:write"), token(data, world="past-week", name="recording")
    citizen, desk = token(data, "reports:write", name="app"), token(data, "incidents:write,read", name="desk")
    batch = {"Content-Type": "application/cloudevents-batch+json"}
    with serving(data) as server:
        every = events()
        for world, by in (("past-week", recording), (None, key)):
            mine = [event for event in every if event.get("exercise") == world]
            for start in range(0, len(mine), 100):
                assert server.request("POST", "/api/events", mine[start : start + 100], by, batch)[0] == 202
        assert server.request("POST", "/api/events", [{"no": "event"}], key, batch)[0] == 202
        code = server.request("GET", "/open311/v2/services.json")[2][0]["service_code"]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for n in range(2):
            body = f"service_code={code}&lat=16.06{n}&long=108.22&description=test".encode()
            assert server.request("POST", "/open311/v2/requests.json", body, citizen, form)[0] == 200
        listed = server.request("GET", "/api/incidents?limit=10&world=live", token=desk)[2]["items"]
        print(json.dumps(listed[0])[:600])
        said = server.request("POST", f"/api/incidents/{listed[0]['ref']}/steps", {"step": "verify"}, desk)
        print(said[0], str(said[2])[:300])
        photo = io.BytesIO()
        Image.new("RGB", (64, 48), "teal").save(photo, "JPEG")
        parts = (
            b'--b\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        multipart = {"Content-Type": "multipart/form-data; boundary=b"}
        said = server.request(
            "POST",
            f"/api/incidents/{listed[1]['ref']}/evidence",
            parts + photo.getvalue() + b"\r\n--b--\r\n",
            desk,
            multipart,
        )
        print(said[0], str(said[2])[:300])
        time.sleep(8)
    log = open_writer(data)
    log.seal(keep=150, through=log.head())
    log.close()
    with closing(sqlite3.connect(data / "state.db")) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        for table in PLACES:
            db.execute(f"DELETE FROM {table}")
        db.commit()
        for name in ("core_alert", "core_incident", "core_evidence", "core_auditrow", "core_checkpoint"):
            print(name, db.execute(f"SELECT count(*) FROM {name}").fetchone())
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    with tarfile.open(archive, "w:xz", preset=9) as out:
        for path in sorted(data.rglob("*")):
            if (
                path.is_file()
                and path.relative_to(data).parts[0] not in {"run", "cache", "places"}
                and not path.name.endswith(("-shm", "-wal"))
            ):
                out.add(path, path.relative_to(data).as_posix())
    print(archive, archive.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
