"""The OpenAPI 3.1 document of the HTTP API, made from the operations and their models."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from parloir.web.models import Body, ErrorBody
from parloir.web.operations import Operation

JSON = "application/json"
ERRORS = (400, 401, 403, 404, 409, 413, 415, 422, 429)


def document(operations: Iterable[Operation], version: str, public_url: str) -> dict[str, Any]:
    """The whole document, ready for JSON."""
    operations = tuple(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parloir", "version": version},
        "servers": [{"url": public_url}],
        "security": [{"bearer": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "parloir",
                    "description": "From log_in; `__Host-parloir` over https. Changes need the header `X-Parloir: 1`.",
                },
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    result: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {str(operation.status): _answer(operation)}
        | {str(status): _content(HTTPStatus(status).phrase, ErrorBody) for status in ERRORS},
    }
    if operation.takes and operation.source != "body":
        parameters += _query(operation.takes, required=operation.source == "query")
    if operation.takes and operation.source != "query":
        result["requestBody"] = {
            "required": operation.source == "body",
            "content": {JSON: {"schema": _reference(operation.takes)}},
        }
    return result | ({"parameters": parameters} if parameters else {})


def _query(model: type[Body], required: bool) -> list[dict[str, Any]]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    needed = schema.get("required", []) if required else []
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": field}
        for name, field in schema["properties"].items()
    ]


def _answer(operation: Operation) -> dict[str, Any]:
    phrase = HTTPStatus(operation.status).phrase
    return _content(phrase, operation.answer) if operation.answer else {"description": phrase}


def _content(description: str, model: type[Body]) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": _reference(model)}}}


def _reference(model: type[Body]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schemas(operations: tuple[Operation, ...]) -> dict[str, Any]:
    models: dict[tuple[type[Body], JsonSchemaMode], None] = {(ErrorBody, "serialization"): None}
    for operation in operations:
        if operation.answer:
            models[operation.answer, "serialization"] = None
        if operation.takes:
            models[operation.takes, "validation"] = None
    _, schema = models_json_schema(list(models), ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema["$defs"]
    return definitions
