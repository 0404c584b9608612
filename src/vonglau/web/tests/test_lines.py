"""What stands in the log: never an address by which a stranger could act as somebody."""

import json
import logging

from vonglau.web.lines import Lines


def test_an_invitations_address_is_in_no_line() -> None:
    secret = "s3cr3t-Of-The-Link"
    path = f"/accounts/invitation/{secret}/"
    for name in ("message", "path"):
        record = logging.makeLogRecord({"msg": f"GET {path}?a=1" if name == "message" else "gone", "path": path})
        try:
            raise ValueError(path)
        except ValueError:
            record.exc_info = __import__("sys").exc_info()
        line = Lines("%(message)s").format(record)
        assert secret not in line
        assert json.loads(line)["path"] == "/accounts/invitation/…/"
