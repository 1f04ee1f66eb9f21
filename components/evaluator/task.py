"""What one evaluation compares, and how: from the stage's inputs and properties."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.evaluator import inference, pair_rows, pairs, per_user, tfma_run
from ranker import registry
from schemas import contents, errors, models

if TYPE_CHECKING:
    from tensorflow_model_analysis.proto import config_pb2
    from tfx import types

    from components.evaluator.options import Options

POINTWISE, RATING, NEXT_ITEM = "pointwise", "rating", "next_item"
_HEAD: Final = "head"  # custom property of a model; one from before there were heads has none
_WORDS: Final = {
    per_user.POPULARITY: "items by training count",
    per_user.RECENT: "the user's own latest items",
    pair_rows.CONSTANT: "one probability for all",
    pair_rows.MEAN: "the mean rating of training",
    pair_rows.ITEM_MEAN: "each item's mean rating of training",
}
Artifacts = dict[str, list["types.Artifact"]]


class Task:
    """One evaluation.

    Args:
        inputs: of the stage.
        evaluation: folder of what comes of it.
        options: the stage's knobs.
        head, loss: JSON of the options that the candidate was trained by, or "": its scores are an order alone.
    Attributes:
        head: a name of ranker.heads.
        ranked: keys of per_user.RANK_COLUMNS, the candidate first. pair_models: of pair_rows.columns.
        item_counts, ratings: Parquet files, the second only with the head rating.
    """

    def __init__(self, inputs: Artifacts, evaluation: str, options: Options, head: str, loss: str) -> None:
        self.inputs, self.evaluation, self.options, self._loss = inputs, evaluation, options, loss
        self._head = registry.options("heads", json.loads(head)) if head else None
        self.head = self._head.name if self._head is not None else NEXT_ITEM
        counts = artifact_utils.get_single_instance(inputs["item_counts"])
        self.item_counts = f"{counts.uri}/{contents.ITEM_COUNTS_FILE}"
        self.ratings = f"{evaluation}/{contents.ITEM_RATINGS_FILE}"
        self._mask_seen = bool(counts.mask_seen)
        self._folders = _model_folders(inputs)
        self.candidate = self._folders[per_user.CANDIDATE]
        there = {per_user.BASELINE: per_user.BASELINE in self._folders, per_user.RECENT: not self._mask_seen}
        others = [name for name, is_there in there.items() if is_there]
        self.ranked = [per_user.CANDIDATE, per_user.POPULARITY, *others]
        heads = [model.get_string_custom_property(_HEAD) or NEXT_ITEM for model in inputs.get("baseline_model") or []]
        self._compared = heads == [self.head]
        self.pair_models = pair_rows.columns(self.head, self._compared)

    def rank(self, split: str) -> inference.Rank:
        """The inference of a split."""
        counted = self.item_counts if per_user.RECENT in self.ranked else None
        models = self._folders[per_user.CANDIDATE], self._folders.get(per_user.BASELINE)
        return inference.Rank(split, *models, self.options.batch_size, counted, self._pairs(), self._compared)

    def config(self) -> config_pb2.EvalConfig:
        """What TFMA is asked for."""
        catalogue = len(per_user.read_item_counts(self.item_counts))
        return tfma_run.eval_config(
            self.ranked, self.options.cutoffs, catalogue, self.options.slices, self.head, list(self.pair_models)
        )

    def locations(self) -> dict[str, str]:
        """Where each model lies, or a word on it."""
        return {name: self._folders.get(name) or _WORDS[name] for name in (*self.ranked, *self.pair_models)}

    def split_pattern(self, split: str) -> str:
        """Pattern of the files of a split.

        Raises: DataError: there are none.
        """
        (uri,) = artifact_utils.get_split_uris(self.inputs["examples"], split)
        pattern = io_utils.all_files_pattern(uri)
        if not fileio.glob(pattern):
            raise errors.DataError(
                f"The sequences have no {split} split.",
                where=uri,
                next_step="Choose a split (sequence_gen.split) that leaves events for validation and for test.",
            )
        return pattern

    def _pairs(self) -> pairs.Pairs | None:
        if self.head == POINTWISE:
            return pairs.Pointwise(self.item_counts, self._loss, self.options.pairs, mask_seen=self._mask_seen)
        if self.head == RATING:
            return pairs.Rating(self.ratings, self._head.shrinkage)  # type: ignore[union-attr]
        return None


def _model_folders(inputs: Artifacts) -> dict[str, str]:
    """Folder of the candidate's SavedModel, and of the baseline's where there is one."""
    folders = {per_user.CANDIDATE: models.saved_model_folder(artifact_utils.get_single_uri(inputs["model"]))}
    for baseline in inputs.get("baseline_model") or []:
        folders[per_user.BASELINE] = models.saved_model_folder(baseline.uri)
    return folders
