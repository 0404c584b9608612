"""What the lean door serves under the same prefix, for the OpenAPI document: written by hand, since no view of ours answers it."""

from copy import deepcopy
from typing import Any

_TOKEN: list[dict[str, list[str]]] = [{"Token": []}]


def problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


COMMON: dict[str, dict[str, Any]] = {
    "400": problem("What was asked cannot be understood."),
    "401": problem("No token, a wrong one, or not signed in."),
    "403": problem("Not yours to see or do."),
    "404": problem("There is no such thing in this world."),
    "422": problem("A member or an argument is wrong; `pointer` says which, `errors` lists all."),
    "429": problem("Too much at once; see Retry-After."),
    "500": problem("Something broke on our side; it was logged."),
    "502": problem("It broke while it was answered: ask again."),
    "503": problem("Not available just now; see Retry-After."),
}
"""What any operation may answer."""
CHANGING: dict[str, dict[str, Any]] = {
    "409": problem("It stands otherwise by now, or allows no such step."),
    "413": problem("The body is larger than this address takes."),
    "415": problem("Not a kind of body that this address reads."),
    "507": problem("No room left on the disk; see Retry-After."),
}
"""What besides may be answered to whatever changes something."""


def document_problems(document: dict[str, Any]) -> None:
    """Every status an operation may have stands at it, so that a test can tell one that does not."""
    for operations in document["paths"].values():
        for method, operation in operations.items():
            answers = COMMON if method == "get" else COMMON | CHANGING
            own = {str(status): answer for status, answer in operation["responses"].items()}
            operation["responses"] = dict(sorted({**deepcopy(answers), **own}.items()))


_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "description": "CloudEvents 1.0 in JSON. Further attributes are kept as they are.",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "description": "With `source` its identity: sent twice, stored once."},
        "source": {"type": "string", "minLength": 1},
        "type": {"type": "string", "minLength": 1},
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened, with zone; absent: receipt. Not more than 10 minutes ahead of the world's clock.",
        },
        "subject": {"type": "string"},
        "lon": {"type": ["string", "number"], "description": "WGS 84, degrees."},
        "lat": {"type": ["string", "number"]},
        "exercise": {"type": "string", "description": "The drill or recording it belongs to; absent: live."},
        "data": {},
    },
}

_RECEIPT: dict[str, Any] = {
    "type": "object",
    "required": ["accepted", "duplicates", "quarantined"],
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "quarantined": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "id", "pointer", "reason", "quarantine_id"],
                "properties": {
                    "index": {"type": "integer", "description": "Place in the batch, from 0."},
                    "id": {"type": ["string", "null"]},
                    "pointer": {"type": "string", "description": "RFC 6901, into the item."},
                    "reason": {"type": "string"},
                    "quarantine_id": {"type": "integer"},
                },
            },
        },
    },
}

_BODIES = {
    "application/cloudevents+json": {"schema": _EVENT},
    "application/cloudevents-batch+json": {"schema": {"type": "array", "items": _EVENT, "maxItems": 10_000}},
    "application/json": {
        "schema": {"description": "Binary mode: the body is `data`, attributes are `ce-` headers."},
    },
}

SEND: dict[str, Any] = {
    "operationId": "send_events",
    "tags": ["Events"],
    "summary": "Send events",
    "description": (
        "CloudEvents 1.0 over HTTP: structured, batch or binary. Answered after the commit; what cannot be used waits in "
        "quarantine and is named in the answer, the rest is kept. Scope `events:write`."
    ),
    "security": _TOKEN,
    "requestBody": {"required": True, "content": _BODIES},
    "responses": {
        "202": {
            "description": "Durable, also when only a part could be used.",
            "content": {"application/json": {"schema": _RECEIPT}},
        },
        "400": problem("Nothing in it can be read."),
        "401": problem("No token, or a wrong one."),
        "403": problem("The token lacks the scope, or is of another world."),
        "413": problem("More than 16 MiB or 10,000 items."),
        "429": problem("Too much at once; see Retry-After."),
        "503": problem("Not available just now; see Retry-After."),
        "507": problem("No room left on the disk; see Retry-After."),
    },
}

FOLLOW: dict[str, Any] = {
    "operationId": "follow_changes",
    "tags": ["Changes"],
    "summary": "Follow what changes",
    "description": (
        "Server-sent events: one for each alert, incident, indicator, quarantined item or world that changed, its `id` the "
        "position to resume from (`Last-Event-ID`, or `after`). Authorised item by item."
    ),
    "security": [*_TOKEN, {"Account": []}],
    "parameters": [
        {"name": "world", "in": "query", "required": False, "schema": {"type": "string"}},
        {"name": "after", "in": "query", "required": False, "schema": {"type": "integer"}},
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "integer"}},
    ],
    "responses": {
        "200": {
            "description": "A stream without end.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "401": problem("No token, or not signed in."),
        "403": problem("This world is not yours."),
        "503": problem("Too many streams; see Retry-After."),
    },
}


def methods(document: dict[str, Any], address: str) -> str:
    """What an address takes, the door's methods among them, as `Allow` says it."""
    return ", ".join(sorted(method.upper() for method in document["paths"].get(address, {})))


def add(document: dict[str, Any], prefix: str = "/api") -> dict[str, Any]:
    """The document with the door's operations in it."""
    paths = document["paths"]
    paths.setdefault(f"{prefix}/events", {})["post"] = deepcopy(SEND)
    paths[f"{prefix}/stream"] = {"get": deepcopy(FOLLOW)}
    return document
