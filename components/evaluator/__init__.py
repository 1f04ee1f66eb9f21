"""Evaluator: ranks every held-out label over the whole catalogue, reports by slice, and says whether to publish."""
