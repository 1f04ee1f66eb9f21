"""Answers requests with a pushed model, in a process of its own that loads neither TFX nor Beam.

It reads what Pusher published (schemas.models) and nothing else of a run. From requests to answers: app (routes) ->
limits -> events and kept state, or the history given -> batches -> the model -> filters and re-ranking -> explanations.
"""
