"""Finds what a user can act on inside whatever a library wrapped around it."""

from __future__ import annotations

import re
from typing import Final

from schemas import errors
from schemas.errors import SeqrankError

# Beam raises a RuntimeError whose text holds what a step raised: its type, message, and where in the pipeline.
_WRAPPED: Final = re.compile(r"schemas\.errors\.(\w+): (.*?)(?= \[while running |\nTraceback |\Z)", re.DOTALL)
_NEXT: Final = re.compile(r"\nNext: (.*)\Z", re.DOTALL)


def plain(error: BaseException) -> SeqrankError | None:
    """The SeqrankError that an exception is, was raised from, or carries as text; None: a bug of ours."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        if isinstance(link, SeqrankError):
            return link
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return _from_text(str(error))


def _from_text(text: str) -> SeqrankError | None:
    found = _WRAPPED.findall(text)
    if not found:
        return None
    name, message = found[-1]
    kind = getattr(errors, name, SeqrankError)
    first, _, rest = message.strip().partition("\n")
    following = _NEXT.search("\n" + rest)
    why = _NEXT.sub("", "\n" + rest).strip("\n")
    return kind(
        first,
        why="\n".join(line.removeprefix("  ") for line in why.splitlines()),
        next_step=following.group(1).strip() if following else "",
    )
