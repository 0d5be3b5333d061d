"""The workers of an experiment, inside Spark tasks."""
