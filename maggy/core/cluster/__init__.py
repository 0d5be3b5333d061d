"""Spark, classic and Connect, behind one contract; with :mod:`maggy.core.spark` the only place that imports pyspark."""
