"""What users did since, and the model's state after it: one record a user, in SQLite or Redis."""
