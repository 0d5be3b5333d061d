"""The report of an experiment: one HTML page that needs no network. jinja2 and plotly make it."""

from maggy.result.report.page import report_page

__all__ = ["report_page"]
