"""The JSON API of the core's nouns: one NinjaAPI, its routers, its errors as problems."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.renderers import BaseRenderer

import vonglau
from vonglau.gateways.json import alerts, events, fragments, incidents, indicators, shapes, webhooks, worlds
from vonglau.gateways.json.access import Account, Token
from vonglau.kit import problems

PREFIX = "/api"


class Renderer(BaseRenderer):
    """Moments keep their microseconds and end in Z: the framework's own encoder cuts them to milliseconds."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return msgspec.json.encode(data)


class Api(NinjaAPI):
    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """With what the door serves under the same prefix, and the problems that any operation may answer."""
        document = super().get_openapi_schema(path_prefix=f"{PREFIX[1:]}/")
        document["components"]["schemas"]["Problem"] = shapes.Problem.model_json_schema()
        fragments.add(document, PREFIX)
        fragments.document_problems(document)
        return document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


api = Api(
    title="Vọng Lâu",
    version=getattr(vonglau, "__version__", "0"),
    description=(
        "Events, alerts, incidents and indicators of one locality. Every list answers `{items, next}`; every error is an "
        "RFC 9457 problem; every moment is UTC. A token reads and writes one world only."
    ),
    docs_url=None,
    openapi_url="/openapi.json",
    auth=[Token(), Account()],
    renderer=Renderer(),
    urls_namespace="api",
)
problems.install(api)
for router in (
    events.router,
    events.quarantine_router,
    alerts.router,
    incidents.router,
    indicators.router,
    webhooks.router,
    worlds.router,
):
    api.add_router("", router)
