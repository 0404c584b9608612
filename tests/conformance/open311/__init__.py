"""GeoReport v2 (Open311), asked of any server.

    pytest tests/conformance/open311 --base-url https://city.example/open311/v2
    pytest tests/conformance/open311 --base-url … --api-key K --jurisdiction city.example --point 16.06,108.22

Without `--base-url` a server of this checkout is started and asked. Without `--api-key` nothing is sent that could make a request: a
foreign server is only read. Each check names the section of the specification it stands on; a failure shows it.
"""
