"""One folder a stage, in the order data passes.

example_gen     logs -> interactions (columns), rejected rows and their counts
curated_schema  schemas/NAME.pbtxt -> Schema; TFX's StatisticsGen and ExampleValidator check the data by it
data_gate       refuses data that nothing should train on
sequence_gen    interactions -> sequences, split into train, valid and test; item counts
transform       sequences -> ids and gap buckets, one graph for training and serving
tuner           transformed sequences -> knobs for the trainer; only where configured
trainer         transformed sequences -> model
evaluator       model -> metrics over the full catalogue, and a blessing
model_check     model -> whether a server of it answers as it should; only where configured
pusher          blessed model -> where TensorFlow Serving reads it
batch_recommender  interactions, published model -> lists for every user; only where configured

A stage never imports a stage: what two of them must agree on stands in `schemas`, what two of them compute in
`ranker`. In each folder `options.py` has the knobs, `component.py` the declaration, `executor.py` the work's frame
(artifacts in, artifacts out), and plain modules beside it the work itself.
"""

import ranker as _ranker  # noqa: F401 - chooses Keras 2 before a stage imports TensorFlow
