"""Training data that is registered by name: its columns, its files, and how a worker reads it.

Everything here is internal, except where the page "Public API" names it.
"""
