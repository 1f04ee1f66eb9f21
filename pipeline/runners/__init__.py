"""One module a place to run: `local` is this machine."""
