"""One file a loss: `Options` and `build`. The file's name is the name in the configuration.

build(options, catalogue) -> loss(queries, labels, weights, items, bias) -> scalar float32: the weighted sum of the
positions' losses. queries [N, D], labels [N] int64 columns of `items`, weights [N] float32 (0: adds nothing), items
[size - FIRST_ITEM, D], bias [size - FIRST_ITEM]. No file here imports TensorFlow at module level.
"""
