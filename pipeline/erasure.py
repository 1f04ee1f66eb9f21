"""Forgetting users: left out of every later run, gone from the event store, and what still derives from them retired.

Retired is what ML Metadata calls MARKED_FOR_DELETION: no cache takes it, no training begins with it, and `seqrank gc`
deletes its files. What judged a model (the baseline that it was compared with) is no part of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import pathlib
import shutil
from typing import TYPE_CHECKING, Final

import polars as pl
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.places import served_options
from pipeline.runners import metadata
from schemas import encryption, forgotten, parquet, stores
from schemas import features as f
from schemas.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from inspection.lineage import Lineage
    from inspection.records import Artifact
    from inspection.store import Store
    from pipeline.config import Config
    from schemas.runs import OutputRoot

_READERS: Final = ("InteractionExampleGen", "UserExampleGen")
_READ: Final = ("Examples", "seqrank.RejectedRows")  # what they leave
_JUDGES: Final = ("baseline_model", "blessing", "evaluation", "infra_blessing")  # inputs that no content comes from
_LIVE: Final = pb.Artifact.State.Name(pb.Artifact.LIVE)


@dataclasses.dataclass(frozen=True)
class Erased:
    """What was done.

    Args:
        place: of the list.
        listed: how many users were not on it before.
        stored: of how many the event store kept anything; None: this configuration keeps no events here.
    """

    place: str
    listed: int
    stored: int | None


def called(config: Config, users: Iterable[str]) -> list[str]:
    """What the pipeline calls these users.

    Raises: ConfigError: the key of the pseudonyms can't be read.
    """
    if config.example_gen.pseudonyms is None:
        return list(users)
    names = Pseudonyms.load(config.example_gen.pseudonyms)
    return [names.of(user) for user in users]


def list_place(config: Config, root: OutputRoot) -> str:
    """File or URL of the list of users to be forgotten, whether or not it is there."""
    return config.example_gen.forgotten or str(root.path / forgotten.FORGOTTEN_FILE)


def completed(config: Config, root: OutputRoot | None = None) -> Config:
    """The configuration with the list where there is one, for the log and for the users table alike.

    Args:
        config: the resolved configuration.
        root: output root of a local run, whose own list is taken where none is configured; None: a cluster's.
    """
    place = config.example_gen.forgotten
    if place is None and root is not None and pathlib.Path(list_place(config, root)).exists():
        place = list_place(config, root)
    if place is None:
        return config
    read = config.example_gen.model_copy(update={"forgotten": place})
    users = config.users.model_copy(update={"forgotten": place}) if config.users else None
    return config.model_copy(update={"example_gen": read, "users": users})


def forget(config: Config, root: OutputRoot, users: Sequence[str]) -> Erased:
    """Puts users on the list and takes them out of the event store. A run that goes on meanwhile may still know them.

    Args:
        config: the resolved configuration.
        root: its output root.
        users: as `called` calls them.
    Raises: ConfigError, StoreError: the list or the event store fails; the same again does what is left.
    """
    place = list_place(config, root)
    root.path.mkdir(parents=True, exist_ok=True)
    return Erased(place, len(forgotten.add(place, users)), asyncio.run(_out_of_store(config, users)))


async def _out_of_store(config: Config, users: Sequence[str]) -> int | None:
    from serving.events.records import Codec, secret
    from serving.events.stores import MEMORY, file_of, open_store

    told = served_options(config).events
    if told is None or told.store in (None, MEMORY):
        return None
    file = file_of(told)
    if file is not None and not pathlib.Path(file).exists():
        return 0
    codec, store = Codec(secret(told.key_file)), open_store(told)
    try:
        return sum([await store.delete(codec.key(user)) for user in users])
    finally:
        await store.close()


def derived(store: Store, users: Collection[str]) -> Lineage | None:
    """Everything that was made of data with these users in them; None: nothing that is left was.

    Args:
        store: ML Metadata.
        users: as `called` calls them.
    """
    from inspection.lineage import downstream

    begin = list(_holding(store, users))
    return downstream(store, begin, beside=_JUDGES) if begin else None


def _holding(store: Store, users: Collection[str]) -> Iterator[Artifact]:
    """Outputs of the stages that read data, in which one of the users is."""
    made = {each.id: each for each in store.artifacts() if each.state == _LIVE and each.type in _READ}
    makers = {each: ids[0] for each, ids in store.executions_of(made, outputs=True).items()}
    stages = store.stages(set(makers.values()))
    for each, maker in makers.items():
        if stages[maker].name in _READERS and any(_holds(path, users) for path in _tables(made[each].uri)):
            yield made[each]


def _tables(uri: str) -> list[str]:
    system, root = stores.url_to_fs(uri)
    return [system.unstrip_protocol(path) for path in sorted(system.find(root)) if path.endswith(".parquet")]


def _holds(path: str, users: Collection[str]) -> bool:
    """Whether a file of usable rows, or of rejected ones, tells of one of the users."""
    system, inside = stores.url_to_fs(path)
    with system.open(inside, "rb") as stored, encryption.plain(stored, path) as file:
        for batch in parquet.batches(file):
            if f.USER_ID in batch.schema.names:
                found = pl.Series(batch.column(f.USER_ID).flatten()).is_in(sorted(users))
            else:  # rejected rows, as they were read
                found = pl.Series(batch.column("text")).str.contains_any(sorted(users))
            if found.any():
                return True
    return False


def retire(config: Config, root: OutputRoot, found: Lineage) -> int:
    """Marks what was made of forgotten users, and removes checkpoints of trainings that never ended.

    Only for the holder of the root's lock. Returns: how many artifacts were marked.
    """
    store = metadata.connect(metadata.where(config.run.metadata, root))
    marked = [each for each in store.get_artifacts_by_id(list(found.artifacts)) if each.state == pb.Artifact.LIVE]
    for artifact in marked:
        artifact.state = pb.Artifact.MARKED_FOR_DELETION
    if marked:
        store.put_artifacts(marked)
    for folder in root.checkpoints.glob("*"):
        shutil.rmtree(folder)
    return len(marked)
