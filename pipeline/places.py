"""Where a run reads and writes by its configuration, and whether it can, asked before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.pusher import versions
from schemas import stores

if TYPE_CHECKING:
    from pipeline.config import Config
    from schemas.runs import OutputRoot
    from serving.options import Options as ServingOptions


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


def publish_target(config: Config, root: OutputRoot) -> str:
    """Folder or address of the published versions."""
    return config.pusher.target or str(root.serving / config.run.name)


def served_options(config: Config) -> ServingOptions:
    """Serving's options with what follows from the rest of the configuration."""
    told, name = config.serving, config.serving.name or config.run.name
    taken = {
        "pseudonyms": told.pseudonyms or config.example_gen.pseudonyms,
        "encryption": told.encryption or config.pusher.encryption,
    }
    told = told.model_copy(update=taken)
    if told.events is None or told.events.store is not None:
        return told.model_copy(update={"name": name})
    store = f"sqlite:///{config.run.output_root.absolute() / 'events.sqlite'}"
    return told.model_copy(update={"name": name, "events": told.events.model_copy(update={"store": store})})
