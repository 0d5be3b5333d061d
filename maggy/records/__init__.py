"""Write the records of an experiment, and read them back. The driver decides when.

Everything here is internal, except where the page "Public API" names it.
"""
