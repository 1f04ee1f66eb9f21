"""Whether the process lives, whether it should be asked, and what it counts."""

from __future__ import annotations

import html

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import HTMLResponse, JSONResponse, Response

from serving import context, errors

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="The process answers")
async def health() -> JSONResponse:
    """Always 200: restart what doesn't answer."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="A model is loaded, and no end is near", responses={503: errors.responses(503)[503]})
async def ready(request: Request) -> JSONResponse:
    """503 before the first model is loaded, and once a signal to end has come: send requests elsewhere."""
    here = context.of(request)
    if here.draining or not here.models.ready:
        return JSONResponse(errors.body("about to end" if here.draining else "no model is loaded"), 503)
    return JSONResponse({"status": "ready", "model_version": here.models.current.number})


@router.get("/metrics", summary="Counters, for Prometheus", response_class=Response, responses=errors.responses())
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(context.of(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/", summary="What can be asked here", response_class=HTMLResponse, responses=errors.responses())
async def overview(request: Request) -> HTMLResponse:
    """The routes with their summaries; the whole of it is /openapi.json."""
    paths = request.app.openapi()["paths"]
    rows = "".join(
        f"<tr><td>{method.upper()}</td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(route['summary'])}</td></tr>"
        for path, methods in paths.items()
        for method, route in methods.items()
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>seqrank</title><h1>seqrank</h1>'
        f'<table>{rows}</table><p>All of it: <a href="openapi.json">openapi.json</a></p></html>'
    )
    return HTMLResponse(page, headers={"content-security-policy": "default-src 'none'; frame-ancestors 'none'"})
