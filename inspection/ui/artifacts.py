"""Pages of artifacts: the list, one with what lies in it, its files, and its lineage both ways."""

from __future__ import annotations

import collections
import posixpath
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from inspection import contents, files
from inspection import lineage as lines
from inspection.ui import graph, listing
from inspection.ui.runs import Shared
from schemas.errors import NotInStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspection.records import Artifact
    from inspection.store import Store

_CHUNK: Final = 1 << 20  # bytes
_USES: Final = 20  # stages that read an artifact, on its page

router = APIRouter(default_response_class=Response)


@router.get("/artifacts")
async def list_artifacts(site: Shared, type: str = "", page: Annotated[int, Query(ge=1)] = 1) -> Response:
    """All artifacts, or those of one type."""

    def work(store: Store) -> dict[str, Any]:
        found = store.artifacts()
        kinds = collections.Counter(each.type for each in found)
        if type:
            found = [each for each in found if each.type == type] or store.artifacts(type)
        return {"kinds": sorted(kinds.items()), "page": listing.cut(found, page), "everything": kinds.total()}

    try:
        told = await site.read(work)
    except NotInStoreError:
        if type:
            raise
        told = {"kinds": [], "page": listing.cut([], 1), "everything": 0}
    return site.page("artifacts.html", type=type, **told)


@router.get("/artifact")
async def show_artifact(site: Shared, id: str) -> Response:
    """One artifact: what it is, who made and read it, and what lies in it."""

    def work(store: Store) -> dict[str, Any]:
        artifact = store.artifact(id)
        makers = store.executions_of([artifact.id], outputs=True).get(artifact.id, [])
        readers = store.executions_of([artifact.id], outputs=False).get(artifact.id, [])
        return {
            "held": contents.look(artifact),
            "makers": _stages(store, makers[:_USES]),
            "readers": _stages(store, readers[:_USES]),
            "more": {"makers": len(makers) - _USES, "readers": len(readers) - _USES},
        }

    return site.page("artifact.html", **await site.read(work))


@router.get("/file")
async def send_file(site: Shared, artifact: str, name: str = "") -> Response:
    """One file of an artifact, to keep: never shown by the browser as a page of ours."""
    address, size = await site.read(lambda store: _file(store.artifact(artifact), name))
    kept = urllib.parse.quote(posixpath.basename(address), safe="")
    headers = {"content-length": str(size), "content-disposition": f"attachment; filename*=UTF-8''{kept}"}
    return StreamingResponse(_chunks(address), media_type="application/octet-stream", headers=headers)


@router.get("/lineage")
async def show_lineage(
    site: Shared,
    id: str,
    way: Annotated[str, Query(pattern=f"^({graph.UP}|{graph.DOWN})$")] = graph.UP,
) -> Response:
    """What an artifact was made from, or what was made from it."""

    def work(store: Store) -> dict[str, Any]:
        artifact = store.artifact(id)
        up = way == graph.UP
        found = lines.upstream(store, artifact, graph.MOST) if up else lines.downstream(store, [artifact], graph.MOST)
        return {"artifact": artifact, "found": found, "drawing": graph.draw(found, way)}

    return site.page("lineage.html", way=way, most=graph.MOST, size=graph.SIZE, **await site.read(work))


def _stages(store: Store, executions: list[int]) -> list[tuple[str, str]]:
    """Names of stages and of their runs."""
    return [(stage.name, store.run_of(number)) for number, stage in store.stages(executions).items()]


def _file(artifact: Artifact, name: str) -> tuple[str, int]:
    """Address and size of a file that an artifact holds: one of its list, which leaves out links to elsewhere."""
    sizes = dict(files.names(artifact.uri))
    if name not in sizes:
        raise NotInStoreError("This artifact holds no such file.", where=name)
    root = files.address(artifact.uri).rstrip("/")
    return f"{root}/{name}" if name else root, sizes[name]


def _chunks(address: str) -> Iterator[bytes]:
    with files.open_file(address) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
