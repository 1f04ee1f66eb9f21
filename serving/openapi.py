"""The OpenAPI document: bodies that routes read themselves are described here, from their pydantic models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.openapi.utils import get_openapi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI
    from pydantic import BaseModel

_PLACE: Final = "#/components/schemas/{model}"


def body_of(kind: type[BaseModel]) -> dict[str, Any]:
    """For a route's `openapi_extra`: it takes JSON of this kind."""
    schema = {"$ref": _PLACE.format(model=kind.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def install(app: FastAPI, bodies: Sequence[type[BaseModel]], *, token: bool) -> None:
    """Makes the document once, with these bodies, and with the token where one is asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for kind in bodies:
                schema = kind.model_json_schema(ref_template=_PLACE)
                schemas.update(schema.pop("$defs", {}))
                schemas[kind.__name__] = schema
            if token:
                made["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
                made["security"] = [{"bearer": []}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
