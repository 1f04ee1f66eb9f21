"""Which engine runs the stages that move data: what can be configured, and Beam's own word on it."""
