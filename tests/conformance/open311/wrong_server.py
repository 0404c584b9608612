"""A server that answers much as GeoReport v2 does, and gets a dozen things wrong: what the suite must see."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

SERVICES = [
    {"service_code": 1, "service_name": "Pothole", "metadata": "true", "type": "realtime"},
    {"service_code": "2", "service_name": "Lamp", "metadata": False, "type": "sometimes"},
]
REQUEST = {
    "service_request_id": 638344,
    "status": "in progress",
    "service_code": "2",
    "requested_datetime": "2010-04-14 06:37:38",
    "lat": "37.76",
    "long": -122.46,
}
XML = '<?xml version="1.0" encoding="utf-8"?><services><item><service_code>1</service_code></item></services>'  # not <service>


class Wrong(BaseHTTPRequestHandler):
    """Numbers for codes, times without zone, an object for a list of one, pages of HTML for errors, status 200 for everything."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        name = path.removeprefix("/v2/")
        answers: dict[str, Any] = {
            "services.json": SERVICES,
            "requests.json": [REQUEST],
            "discovery.json": {"endpoints": []},
        }
        if name.startswith("requests/"):
            self._say("application/json", json.dumps(REQUEST))
        elif name in answers:
            self._say("application/json", json.dumps(answers[name]))
        elif name.endswith(".xml"):
            self._say("application/xml", XML)
        else:
            self._say("text/html", "<h1>Oops</h1>")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._say("application/json; charset=utf-8", json.dumps({"service_request_id": 7, "token": 8}))

    def _say(self, media: str, body: str) -> None:
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        print(format % args, file=sys.stderr)


@contextmanager
def wrong_server() -> Iterator[str]:
    """Its address, on a free port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Wrong) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v2"
        finally:
            server.shutdown()
            thread.join()
