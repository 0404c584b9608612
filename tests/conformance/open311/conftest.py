"""Which server is asked, and the section of the specification shown with each failure."""

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.open311.endpoint import Endpoint
from tests.serving import new_city, serving, token

DA_NANG = (16.0605, 108.2205)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("open311", "Open311 conformance")
    group.addoption("--base-url", default="", help="the server's GeoReport v2 address; absent: one of this checkout")
    group.addoption("--api-key", default="", help="its api key; absent: a foreign server is only read")
    group.addoption("--jurisdiction", default="", help="its jurisdiction_id, where it needs one")
    group.addoption(
        "--point", default="", help="LAT,LONG of a place it takes reports of; absent: where it has one already"
    )
    group.addoption("--extensions", action="store_true", help="ask for the extensions of this product too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "section(name): the section of GeoReport v2 that a check stands on")
    config.addinivalue_line("markers", "sends: makes requests at the server; needs --api-key there")
    config.addinivalue_line("markers", "extension: what this product offers beyond GeoReport v2")
    config.addinivalue_line("markers", "ours: about this product alone, whatever server is asked")


def _option(config: pytest.Config, name: str) -> Any:
    return config.getoption(name, default="")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not _option(config, "--base-url"):
        return
    for item in items:
        if "ours" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="about this product, not about the server at --base-url"))
        if "sends" in item.keywords and not _option(config, "--api-key"):
            item.add_marker(pytest.mark.skip(reason="a foreign server is only read: give --api-key to send to it"))
        if "extension" in item.keywords and not _option(config, "--extensions"):
            item.add_marker(pytest.mark.skip(reason="no part of GeoReport v2: give --extensions to ask for it"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    marker = item.get_closest_marker("section")
    if report.failed and marker is not None:
        report.sections.append(("GeoReport v2", marker.args[0]))
    return report


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """The server at --base-url, or one of this checkout with a request in it."""
    base = str(_option(request.config, "--base-url")).rstrip("/")
    if base:
        point = str(_option(request.config, "--point"))
        lat, _, long = point.partition(",")
        yield Endpoint(
            base,
            key=str(_option(request.config, "--api-key")),
            jurisdiction=str(_option(request.config, "--jurisdiction")),
            point=(float(lat), float(long)) if point else None,
        )
        return
    with tempfile.TemporaryDirectory(dir=os.environ["VONGLAU_TEST_CITIES"]) as folder:
        data = new_city(Path(folder) / "city")
        key = token(data, "reports:write", name="conformance")
        with serving(data) as city:
            yield Endpoint(f"{city.url}/open311/v2", key=key, point=DA_NANG, ours=True)


@pytest.fixture(scope="session")
def submit(server: Endpoint) -> Callable[..., Any]:
    """Send a request; some fields changed (None: left out)."""

    def send(format: str = "json", files: Any = None, **changed: Any) -> Any:
        fields: dict[str, Any] = {
            "api_key": server.key,
            "service_code": _plain_service(server),
            **dict(zip(("lat", "long"), map(str, _point(server)), strict=True)),
            "description": "Kiểm tra tính tương thích của giao diện (conformance check)",
            **changed,
        }
        pairs = [
            (name, str(one))
            for name, value in fields.items()
            if value is not None
            for one in (value if isinstance(value, list) else [value])
        ]
        return server.post("requests", format, pairs, files)

    return send


def _plain_service(server: Endpoint) -> str:
    """A service that requires no answers."""
    for service in server.get("services", "xml").items("services", "service"):
        if service["metadata"] == "false":
            return str(service["service_code"])
        definition = server.get(f"services/{service['service_code']}", "xml").root
        if all(one.text != "true" for one in definition.iter("required")):
            return str(service["service_code"])
    return pytest.skip("every service requires answers")


def _point(server: Endpoint) -> tuple[float, float]:
    if server.point:
        return server.point
    for one in server.get("requests", "xml").items("service_requests", "request"):
        if one.get("lat") and one.get("long"):
            return float(one["lat"]), float(one["long"])
    return pytest.skip("no request has a point: give --point LAT,LONG")


@pytest.fixture(scope="session")
def known(server: Endpoint, submit: Callable[..., Any]) -> list[dict[str, Any]]:
    """Requests that the server has. Into ours a few are sent first."""
    if server.ours:
        codes = ("waste", "waste", "pothole")
        assert [submit(service_code=code).status for code in codes] == [200, 200, 200]
    found = server.get("requests", "json").items("service_requests", "request")
    return found or pytest.skip("the server has no requests of the last 90 days")
