"""The result of an experiment: its best trial, all its trials, tables and plots."""

from maggy.result.result import ExperimentResult, build_result
from maggy.result.summary import summary_text

__all__ = ["ExperimentResult", "build_result", "summary_text"]

ExperimentResult.__module__ = __name__  # where users find it
