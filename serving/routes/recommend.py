"""Items for a user: the model's first ones -> filters -> another order -> k -> reasons."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from serving import calls, candidates, context, errors, openapi
from serving.messages import Event, Recommended, RecommendRequest, RecommendResponse

if TYPE_CHECKING:
    from typing import Literal

    from starlette.responses import Response

    from serving.calls import Asked, Ranked
    from serving.messages import Reason
    from serving.model import Loaded

router = APIRouter(tags=["recommendations"])


@router.post(
    "/recommend",
    summary="The next items for a history, or for a user whose events are kept",
    response_model=RecommendResponse,
    responses=errors.responses(400, 404, 422, 503),
    openapi_extra=openapi.body_of(RecommendRequest),
)
async def recommend(request: Request) -> Response:
    """Ranks the whole catalogue; filters hold among the model's own first items (100, unless it was exported so)."""
    here = context.of(request)
    told = await context.read(request, RecommendRequest)
    limits = here.options.limits
    for what, given, most in (("history", told.history, limits.history), ("exclude", told.exclude, limits.exclude)):
        if given is not None and len(given) > most:
            raise context.too_many(what, len(given), most)
    model = context.current(here)
    found, asked, source = await _found(here, model, told)
    left = candidates.allowed(model, found, told.only, told.filters)
    best = candidates.ordered(model, left, told.k, told.diversity or here.options.diversity, asked.items)
    because: list[tuple[Reason, ...] | None] = [None] * len(best.items)
    if told.explain:
        run = asyncio.get_running_loop().run_in_executor
        because = list(await run(here.explaining, candidates.reasons, model, asked, best.items, told.explain))
    items = tuple(
        Recommended(item_id=item, score=score, title=model.title(item), because=why)
        for item, score, why in zip(best.items, best.scores, because, strict=True)
    )
    return context.answered(
        RecommendResponse(items=items, model_version=model.number, source=source, short=len(items) < told.k)
    )


async def _found(
    here: context.Context, model: Loaded, told: RecommendRequest
) -> tuple[Ranked, Asked, Literal["history", "state", "kept_history"]]:
    """The model's first items, and the history that they answer."""
    if told.history is None and here.users is not None:
        assert told.user_id is not None  # the message's own rule
        user = here.called(told.user_id)
        found, record, state = await here.users.answer(model, user, told.exclude, told.now)
        asked = calls.Asked(record.items, record.times, user, told.exclude, told.now)
        return found, asked, "state" if state else "kept_history"
    if told.history is None:
        raise context.impossible("history: this server keeps no events, so it can't know the user's")
    events = [each if isinstance(each, Event) else Event(item_id=each) for each in told.history]
    asked = calls.Asked(
        tuple(each.item_id for each in events),
        tuple(each.timestamp for each in events),
        here.called(told.user_id) if told.user_id else "",
        told.exclude,
        told.now,
    )
    return await here.recommend(model, asked), asked, "history"
