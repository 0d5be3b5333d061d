"""The inside of Maggy: the driver, the workers and what is between them.

Everything here is internal, except where the page "Public API" names it. Users need
:func:`maggy.experiment.lagom` and what it takes.
"""
