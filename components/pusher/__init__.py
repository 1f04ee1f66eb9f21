"""Publishes a blessed model, whole or not at all, as the next version under the publish target."""
