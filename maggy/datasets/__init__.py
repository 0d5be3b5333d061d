"""Training data that is registered by name: its columns, its files, and how a worker reads it."""
