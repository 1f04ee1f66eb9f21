"""One file an architecture: `Options` and `build`. The file's name is the name in the configuration.

build(options, width, dropout, window) -> a Keras layer from [B, T, width] to [B, T, width]: position t sees positions
up to t only, so that what is padded on the right changes nothing. `dropout` is a share, for ranker.dropout.Dropout.
`window` is the most events of a history; T may be more, but then nothing stands behind the window.
A recurrent architecture's layer also has `state_sizes` (floats a row), `step(x [B, width], states) -> states`: one
position more, whatever came before, and `output(states) -> [B, width]`: what `call` gives at that position.
Without them the exported model has neither `step` nor `rank`.
No file here imports TensorFlow at module level: configurations are read without it.
"""
