"""The reference page of the API: drawn on the server from its OpenAPI document, without scripts, so that no policy bars it."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.utils import translation
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from vonglau.core.incidents.states import OUTCOME_NAMES, TABLE
from vonglau.core.people.policy import SCOPES
from vonglau.gateways.json import fragments
from vonglau.gateways.json.api import api
from vonglau.kit import documents

METHODS = ("get", "post", "put", "patch", "delete")


def reference(request: HttpRequest) -> HttpResponse:
    context = {
        "document": _document(),
        "problems": [
            {"slug": documents.slug(kind), "title": kind.title, "status": kind.status, "text": kind.__doc__}
            for kind in documents.kinds()
        ],
        "steps": [
            {
                "step": rule.step.value,
                "sources": ", ".join(rule.sources),
                "to": rule.to.value if rule.to else "–",
                "roles": ", ".join(sorted(rule.roles)),
                "needs": ", ".join(sorted(rule.needs)) or "–",
            }
            for rule in TABLE
        ],
        "outcomes": ", ".join(OUTCOME_NAMES),
        "scopes": SCOPES,
    }
    return HttpResponse(_template().render(context, request))


@lru_cache(maxsize=1)
def _template() -> Any:
    """Gateways are no Django apps, so their templates are read from beside them."""
    text = (Path(__file__).parent / "templates" / "reference.html").read_text(encoding="utf-8")
    return engines["django"].from_string(text)


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    """What the page shows of the OpenAPI document: operations by tag, then the shapes they speak of."""
    with translation.override("en"):
        openapi = api.get_openapi_schema()
    groups: dict[str, list[dict[str, Any]]] = {}
    for address, operations in openapi["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                groups.setdefault(operation["tags"][0], []).append(_operation(method, address, operation))
    shapes = [
        {"name": _page_of(name), "id": name, "text": _words(schema.get("description", "")), "members": _members(schema)}
        for name, schema in sorted(openapi["components"]["schemas"].items())
        if schema.get("properties") and not name.endswith("Asked")  # arguments, shown with their operations
    ]
    return {"groups": list(groups.items()), "shapes": shapes, "version": openapi["info"]["version"]}


def _operation(method: str, address: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    return {
        "method": method.upper(),
        "address": address,
        "id": operation["operationId"],
        "summary": operation["summary"],
        "text": _words(" ".join(operation.get("description", "").split())),
        "arguments": [
            {
                "name": one["name"],
                "place": one["in"],
                "required": one.get("required", False),
                "kind": {**_kind(one["schema"]), "text": _kind(one["schema"])["text"].removesuffix(" | null")},
                "text": _words(one.get("description") or _described(one["schema"])),
            }
            for one in operation.get("parameters", ())
        ],
        "bodies": [{"media": media, "kind": _kind(content["schema"])} for media, content in body.items()],
        "answers": [
            {
                "status": status,
                "text": answer.get("description", ""),
                "kinds": [_kind(content["schema"]) for content in answer.get("content", {}).values()],
            }
            for status, answer in operation["responses"].items()
            if answer != (fragments.COMMON | fragments.CHANGING).get(status)
        ]
        + [{"status": "…", "text": "Whatever went wrong.", "kinds": [_kind({"$ref": "#/components/schemas/Problem"})]}],
    }


def _members(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {"name": name, "kind": _kind(one), "required": name in required, "text": _words(one.get("description", ""))}
        for name, one in schema["properties"].items()
    ]


def _described(schema: dict[str, Any]) -> str:
    """A schema's description, which an optional argument keeps one level deeper."""
    return schema.get("description") or next(filter(None, map(_described, schema.get("anyOf", ()))), "")


def _words(text: str) -> SafeString:
    """Escaped, with what stands between backticks as code."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )


def _page_of(name: str) -> str:
    """Listed_AlertOut_ → Page<AlertOut>: how people would write it."""
    return f"Page<{name.removeprefix('Listed_').strip('_')}>" if name.startswith("Listed_") else name


def _kind(schema: dict[str, Any]) -> dict[str, str]:
    """A type in a few words, and the shape it leads to."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return {"text": _page_of(name), "shape": name}
    if "anyOf" in schema:
        parts = [_kind(one) for one in schema["anyOf"]]
        words = dict.fromkeys(word for part in parts for word in part["text"].split(" | "))
        return {
            "text": " | ".join(words),
            "shape": next((part["shape"] for part in parts if part["shape"]), ""),
        }
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        return {"text": " | ".join(f'"{word}"' for word in words), "shape": ""}
    if schema.get("type") == "array":
        inner = _kind(schema.get("items", {}))
        return {"text": f"{inner['text']}[]", "shape": inner["shape"]}
    said = schema.get("type", "any")
    text = " | ".join(said) if isinstance(said, list) else str(said)
    return {"text": schema.get("format", text), "shape": ""}
