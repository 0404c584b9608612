"""What the lean door serves under the same prefix, for the OpenAPI document: written by hand, since no view of ours answers it."""

from typing import Any

_TOKEN: list[dict[str, list[str]]] = [{"Token": []}]


def problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "description": "CloudEvents 1.0 in JSON. Further attributes are kept as they are.",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "With `source` its identity: sent twice, stored once."},
        "source": {"type": "string"},
        "type": {"type": "string"},
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


def add(document: dict[str, Any], prefix: str = "/api") -> dict[str, Any]:
    """The document with the door's operations in it."""
    paths = document["paths"]
    paths.setdefault(f"{prefix}/events", {})["post"] = SEND
    paths[f"{prefix}/stream"] = {"get": FOLLOW}
    return document
