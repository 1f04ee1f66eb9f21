"""What users do, as it happens; and forgetting them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving import context, errors, openapi
from serving.events.users import Users
from serving.messages import EventRequest, EventResponse

router = APIRouter(tags=["users"])


@router.post(
    "/events",
    summary="Something that a user did: the user's next request knows of it",
    response_model=EventResponse,
    responses=errors.responses(400, 404, 422, 503),
    openapi_extra=openapi.body_of(EventRequest),
)
async def event(request: Request) -> Response:
    """Kept before it is answered. With a recurrent model it costs one step, however long the history is."""
    here = context.of(request)
    users, told = _users(here), await context.read(request, EventRequest)
    model = context.current(here)
    kept, new = await users.add(model, here.called(told.user_id), told.item_id, told.timestamp, told.event_id)
    return context.answered(EventResponse(events=kept, kept=new))


@router.delete(
    "/users/{user_id}",
    summary="Forget all that is kept of a user",
    status_code=204,
    responses=errors.responses(404, 503),
)
async def forget(request: Request, user_id: str) -> Response:
    """204, also of a user of whom nothing is kept."""
    here = context.of(request)
    await _users(here).erase(here.called(user_id))
    return Response(status_code=204)


def _users(here: context.Context) -> Users:
    if here.users is None:
        raise HTTPException(404, "This server keeps no events (serving.events).")
    return here.users
