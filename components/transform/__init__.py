"""Transform: the vocabularies from the training split, and one graph from ids to numbers for training and serving."""
