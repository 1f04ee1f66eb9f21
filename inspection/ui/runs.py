"""Pages of runs: the list, one run with its report and its TensorBoard, and two runs beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import FileResponse, RedirectResponse

from inspection import compare as comparing
from inspection import files, results
from inspection.records import CANCELLED, FAILED, RUNNING, SUCCEEDED
from inspection.results import SHOWN, TEST, VALID
from inspection.ui import guard, listing
from inspection.ui.errors import PageError
from inspection.ui.site import Site
from schemas.errors import NotInStoreError

if TYPE_CHECKING:
    import pathlib

    from inspection.records import Run
    from inspection.store import Store

_EVENTS: Final = "events.out.tfevents"  # in the names of TensorBoard's files
_SERVED: Final = ("gs://", "s3://")  # TensorBoard reads these itself

router = APIRouter(default_response_class=Response)


def site_of(request: Request) -> Site:
    return request.app.state.site


Shared = Annotated[Site, Depends(site_of)]


@router.get("/")
async def list_runs(
    site: Shared,
    page: Annotated[int, Query(ge=1)] = 1,
    name: str = "",
    state: Annotated[str, Query(pattern=f"^({SUCCEEDED}|{FAILED}|{RUNNING}|{CANCELLED})?$")] = "",
    sort: Annotated[str, Query(pattern=f"^({'|'.join(listing.SORTS)})$")] = listing.NEWEST,
    up: bool = False,
) -> Response:
    """All runs; where there is no store yet, how to make one."""
    asked: dict[str, Any] = {"name": name, "state": state, "sort": sort, "up": up}
    states = (SUCCEEDED, FAILED, RUNNING, CANCELLED)
    try:
        found = await site.read(lambda store: listing.page(store, site.lines, number=page, **asked))
    except NotInStoreError:
        found = listing.cut([], 1)
    return site.page("runs.html", page=found, asked=asked, states=states, newest=listing.NEWEST)


@router.get("/run")
async def show_run(site: Shared, request: Request, id: str) -> Response:
    """One run."""

    def work(store: Store) -> dict[str, Any]:
        run = store.run(id)
        names = store.names()
        place = names.index(run.line.id)
        return {
            "run": run,
            "results": results.of(run),
            "report": _report(store, run) is not None,
            "logs": _logs(run) is not None,
            "before": names[place + 1] if place + 1 < len(names) else None,
        }

    here = request.client is None or guard.is_here(request.client.host)
    found = await site.read(work)
    return site.page("run.html", here=here, metrics=SHOWN, splits=(TEST, VALID), **found)


@router.get("/report")
async def show_report(site: Shared, run: str) -> Response:
    """The report of a run, where `seqrank report` has left one."""
    found = await site.read(lambda store: _report(store, store.run(run)))
    if found is None:
        raise NotInStoreError("This run has no report.", where=run)
    return FileResponse(found, media_type="text/html", headers={"content-security-policy": guard.REPORT_POLICY})


@router.post("/tensorboard")
async def start_tensorboard(site: Shared, request: Request, run: str) -> Response:
    """Starts TensorBoard on a run's logs, or finds the one that was started, and leads there."""
    if request.client is not None and not guard.is_here(request.client.host):
        raise PageError(403, "TensorBoard answers only on the machine that this page runs on.")
    logs = await site.read(lambda store: _logs(store.run(run)))
    if logs is None:
        raise NotInStoreError("This run has no logs for TensorBoard (any more).", where=run)
    return RedirectResponse(await site.boards.address(logs), status_code=303)


@router.get("/compare")
async def compare(
    site: Shared,
    run: Annotated[list[str] | None, Query()] = None,
    by: Annotated[str, Query(pattern=f"^({listing.NEWEST})?$")] = "",
) -> Response:
    """Two runs, from the first to the second; `by` their start: whatever order they were chosen in."""
    chosen = [each.strip() for each in run or [] if each.strip()]
    if len(chosen) != 2:
        raise PageError(
            400,
            f"Two runs can be compared, and {len(chosen) or 'none'} {'was' if len(chosen) < 2 else 'were'} chosen.",
            next_step="Go back to the list of runs and choose two.",
        )

    def work(store: Store) -> comparing.Comparison:
        both = [store.run(each) for each in chosen]
        return comparing.compare(*(sorted(both, key=lambda each: each.line.started) if by else both))

    found = await site.read(work)
    shown = [each for each in found.figures if each.what.split()[-1] in SHOWN]
    return site.page("compare.html", found=found, figures=shown)


def _report(store: Store, run: Run) -> pathlib.Path | None:
    """A run's report; None where there is none, or where a run's name leads out of the output root."""
    if store.root is None:
        return None
    path = store.report(run.line.id).resolve()
    return path if path.is_file() and path.is_relative_to(store.root.path.resolve()) else None


def _logs(run: Run) -> str | None:
    """Where TensorBoard's files of a run lie; None where there are none."""
    held = run.output(results.TRAINER, "model_run")
    if held is None:
        return None
    if held.uri.startswith(_SERVED):
        return held.uri
    return held.uri if any(_EVENTS in name for name, _ in files.names(held.uri)) else None
