"""One file a loss: `Options` and `build`. The file's name is the name in the configuration.

build(options, catalogue) -> loss(queries, labels, weights, items, bias, adjust=None) -> scalar float32: the weighted
sum of the positions' losses. queries [N, D], labels [N] int64 columns of `items`, weights [N] float32 (0: adds
nothing), items [n, D], bias [n]; n = catalogue.size - FIRST_ITEM: cold items are nobody's label in training.

adjust, where it is there, says what the logits gain beside queries . items + bias: adjust(columns) -> float32 to add.
  columns None: [N, n], every item.
  columns [S] int64: [N, S], the same items for every position.
  columns [N, S] int64: [N, S], items of each position's own (its label: labels[:, tf.newaxis]).
It is -inf where an item is no candidate at that position's time; the position's own label always is one, wherever it
stands among the columns. Gradients flow through the finite values.

mean_squared_error alone has one argument more, `targets` [N] float32: what the labels' scores are to be.

No file here imports TensorFlow at module level.
"""
