"""Tools for all other packages: exceptions, JSON values, files. It imports none of them.

Everything here is internal, except where the page "Public API" names it.
"""
