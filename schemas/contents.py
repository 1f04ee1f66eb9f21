"""Names of the files inside artifacts. Read without TFX, unlike the types themselves (schemas.artifacts)."""

from __future__ import annotations

ITEM_COUNTS_FILE = "item_counts.parquet"
REJECTED_CSV = "rejected.csv"
READ_COUNTS_FILE = "counts.json"
DATA_REPORT_FILE = "data.json"
TABLE_REPORT_FILE = "table.json"
SEQUENCE_REPORT_FILE = "sequences.json"
# Inside TFX's ModelEvaluation, beside TFMA's own files:
METRICS_FILE = "metrics.json"  # split -> model -> slice -> metric -> value and interval
PER_USER_FOLDER = "per_user"  # Parquet, one row an evaluation example
PAIRS_FOLDER = "pairs"  # Parquet of schemas.records.PAIRS; only of the heads pointwise and rating
ITEM_RATINGS_FILE = "item_ratings.parquet"  # item_id, sum and weight of its training ratings; only of the head rating
BLESSING_FILE = "blessing.json"  # blessed or not, and why, in words and figures
USER_GROUPS_FILE = "user_groups.json"  # split -> column of the users table -> value -> examples and NDCG@k
RANKED_SHARE_FILE = "ranked_share.json"  # split -> share of its users whose labels were ranked
# Inside TFX's InfraBlessing, beside the file by whose name TFX's own Pusher decides:
MODEL_CHECK_FILE = "model_check.json"  # passed or not, reasons, figures
# Inside TFX's ModelRun: TensorBoard's event files, and
TRAINING_FILE = "training.json"  # loss, epochs, best epoch, fit_seconds, positions a second, history of metrics
# Inside TFX's HyperParameters and TunerResults, under the names that TFX's own Tuner gives:
HYPERPARAMETERS_FILE = "best_hyperparameters.txt"  # KerasTuner's get_config() of the best trial, JSON
TUNER_RESULTS_FILE = "tuner_results.json"  # a list of trials, the best first, with what came of each and its knobs
TRIALS_FILE = "trials.parquet"  # the same
