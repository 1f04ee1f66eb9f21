"""Peers on the very same order of interactions: `order` writes it out, each peer trains on it, `compare` judges."""
