"""Write the records of an experiment, and read them back. When they are due, the driver decides.

Everything here is internal, except where the page "Public API" names it.
"""
