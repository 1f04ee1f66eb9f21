"""What `seqrank init` finds out about a log: its format, its columns, its figures, and the knobs that follow."""
