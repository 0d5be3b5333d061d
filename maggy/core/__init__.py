"""The inside of Maggy; users need :mod:`maggy.experiment` and what it takes."""
