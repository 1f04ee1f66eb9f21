"""Sequences through a real TFT graph, as the stages that train take them.

What is heavy is imported where it is used: most tests below don't need it.
"""

import pytest

ITEMS = [f"i{n}" for n in range(6)]
INTEGERS = ("history_timestamp", "label_timestamp", "loss_from", "label_repeats")


def raw_rows(split, context, cold):
    """Eight users who go through the items in turn: serialised examples as SequenceGen writes them.

    context: name of a context column, or None. cold: what half of the users take last, or None.
    """
    import pyarrow as pa

    from schemas import records

    columns = {}
    for user in range(8):
        walk = [ITEMS[(user + n) % len(ITEMS)].encode() for n in range(7)]
        if cold and user % 2:
            walk[5:] = [cold.encode()] * 2
        end = {"train": 4, "valid": 5, "test": 6}[split]
        row = {
            "user_id": [b"u%d" % user], "history": walk[: end - 1] if split == "train" else walk[:end],
            "label": walk[1:end] if split == "train" else walk[end : end + 1], "loss_from": [0], "seen": [],
            "history_length": [b"1-4"], "label_popularity": [b""], "label_repeats": [0],
        }  # fmt: skip
        row["history_timestamp"] = [1_000 * (n + 1) for n in range(len(row["history"]))]
        row["label_timestamp"] = [9_000] * len(row["label"])
        if context:
            row[f"history_context_{context}"] = [b"tv", b"web"] * (len(row["history"]) // 2) + [b"tv"]
            row[f"user_feature_{context}"] = [b"young"] * (user % 2)
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    arrays = [
        pa.array(values, pa.list_(pa.int64() if name in INTEGERS else pa.binary())) for name, values in columns.items()
    ]
    return records.to_examples(pa.RecordBatch.from_arrays(arrays, names=list(columns)))


def write(path, rows):
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), options="GZIP") as out:
        for row in rows:
            out.write(row)


def analyze(folder, file, optional, *, items):
    import apache_beam as beam
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
    from tfx_bsl.public import tfxio

    from components.curated_schema.curate import curate
    from components.transform.options import Options as TransformOptions
    from components.transform.preprocessing import preprocessing_fn

    config = {"options": TransformOptions().model_dump_json(), "users": False, "items": items}
    schema = curate("sequences.pbtxt", optional)
    source = tfxio.TFExampleRecord(file_pattern=str(file), schema=schema, telemetry_descriptors=["test"])
    with beam.Pipeline(runner="FnApiRunner") as pipeline, tft_beam.Context(temp_dir=str(folder / "scratch")):
        data = (pipeline | source.BeamSource(), source.TensorAdapterConfig())
        graph = data | tft_beam.AnalyzeDataset(lambda inputs: preprocessing_fn(inputs, custom_config=config))
        _ = graph | tft_beam.WriteTransformFn(str(folder / "graph"))
    raw = dataset_metadata.DatasetMetadata(schema)
    metadata_io.write_metadata(raw, str(folder / "graph" / tft.TFTransformOutput.RAW_METADATA_DIR))
    return tft.TFTransformOutput(str(folder / "graph"))


def transformed(graph, rows):
    import pyarrow as pa
    import tensorflow as tf

    from schemas import records

    raw = tf.io.parse_example(rows, graph.raw_feature_spec())
    columns = graph.transform_features_layer()(raw)
    lists = {
        name: (tf.RaggedTensor.from_sparse(value) if isinstance(value, tf.SparseTensor) else value).numpy().tolist()
        for name, value in columns.items()
    }
    arrays = [
        pa.array([list(row) for row in values], pa.list_(pa.binary() if name == "label_item" else pa.int64()))
        for name, values in lists.items()
    ]
    return records.to_examples(pa.RecordBatch.from_arrays(arrays, names=list(lists)))


def artifact(kind, folder, **properties):
    made = kind()
    made.uri = str(folder)
    for name, value in properties.items():
        setattr(made, name, value)
    return made


@pytest.fixture(scope="session")
def training_inputs():
    """training_inputs(folder, context, items) -> the input artifacts of a stage that trains, by name.

    context: name of a context column and of a column of the users table. items: the items table, a pa.Table whose
    first item half of the users take last, though training doesn't know it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tfx.types import standard_artifacts

    from schemas import artifacts, contents, records

    def make(folder, context=None, items=None):
        cold = items["item_id"][0].as_py()[0] if items is not None else None
        optional = [prefix + context for prefix in ("history_context_", "user_feature_")] if context else []
        write(folder / "raw.gz", raw_rows("train", context, cold))
        graph = analyze(folder, folder / "raw.gz", optional, items=items is not None)
        for split in ("train", "valid", "test"):
            rows = transformed(graph, raw_rows(split, context, cold))
            write(folder / "examples" / f"Split-{split}" / "part.gz", rows)
        counts, table = folder / "counts", folder / "items" / "Split-all"
        counts.mkdir()
        counted = pa.table({"item_id": ITEMS, "count": [5] * 6}, records.ITEM_COUNTS)
        pq.write_table(counted, counts / contents.ITEM_COUNTS_FILE)
        splits = '["train", "valid", "test"]'
        inputs = {
            "examples": [artifact(standard_artifacts.Examples, folder / "examples", split_names=splits)],
            "transform_graph": [artifact(standard_artifacts.TransformGraph, folder / "graph")],
            "item_counts": [artifact(artifacts.ItemCounts, counts, window=5, mask_seen=0)],
        }
        if items is not None:
            table.mkdir(parents=True)
            pq.write_table(items, table / "data-00000.parquet")
            inputs["items"] = [artifact(standard_artifacts.Examples, table.parent, split_names='["all"]')]
        return inputs

    return make
