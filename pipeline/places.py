"""Whether a run can read and write where its configuration says, asked before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.pusher import versions
from schemas import stores

if TYPE_CHECKING:
    from pipeline.config import Config


def check(config: Config) -> None:
    """Looks at the scheme of each address, and once at the publish target where that is an object store.

    A bucket that is missing, or keys that were forgotten, would else be found after the training.

    Raises:
        ConfigError: a package is missing; the message names the extra that brings it.
        PublishError: the target's store doesn't answer, lets nobody in, or has no such bucket.
    """
    read = [options for options in (config.example_gen, config.items, config.users) if options is not None]
    for options in read:
        for pattern in options.data:
            stores.check(pattern, f"{options.key}.data", by_beam=True)
    target = config.pusher.target
    if target is not None and stores.scheme(target):
        versions.reachable(target)
