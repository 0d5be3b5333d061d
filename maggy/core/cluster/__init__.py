"""Spark, classic and Connect, behind one contract. No other part of the core imports pyspark."""
