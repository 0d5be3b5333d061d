"""Run the workers of an experiment, inside Spark tasks."""
