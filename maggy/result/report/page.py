"""Make the page of an experiment: texts by jinja2, plots and table by the scripts in it."""

from __future__ import annotations

import functools
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from maggy.common.direction import Direction
from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.common.types import Json
from maggy.result.differences import single_run_differences
from maggy.result.report.ablation import ablator_text, component_rows, differences_figure
from maggy.result.report.curves import curves_data
from maggy.result.report.embedding import compress, script_json, script_source
from maggy.result.report.facts import best_parameters, cards, headline, reproduction
from maggy.result.report.failures import failures_of
from maggy.result.report.figures import history_figure, parameter_figure
from maggy.result.report.labels import line, time_text
from maggy.result.report.lineage import lineage_figure
from maggy.result.report.metric_scale import Figure
from maggy.result.report.search_figures import search_figures
from maggy.result.report.timeline import timeline_figure
from maggy.result.report.trials import hover_texts, rows_in_order, table_data
from maggy.result.rows import TrialRow, parameter_names
from maggy.searchspace.parameter import Parameter
from maggy.version import __version__

if TYPE_CHECKING:
    from maggy.result.result import ExperimentResult

__all__ = ["report_page"]

_REMEDY: Final = install_command("report")
_SCRIPTS: Final = ("theme.js", "table.js", "plots.js")
_MAX_PARAMETERS: Final = 50
"""Maximum number of parameters with a figure of their own."""


def report_page(result: ExperimentResult) -> str:
    """Return the page of an experiment as HTML that needs no network.

    A policy in the page lets only its own scripts run, and lets nothing be loaded.

    Args:
        result: The result of an experiment of any kind and state. What it holds is data.

    Raises:
        MissingDependencyError: If jinja2 or plotly is not installed.
    """
    jinja2 = import_optional("jinja2", "A report", _REMEDY)
    plotly, plotly_source = _plotly_script()
    direction = Direction.parse(result.direction)
    rows = rows_in_order(result.trials, result.running, direction)
    has_trials = result.kind != "single" and bool(rows)
    plots, problems = _plots(result, rows, direction) if has_trials else ({}, [])
    table = (
        table_data(
            rows,
            metric=result.optimization_key,
            direction=direction,
            differences=single_run_differences(result),
        )
        if has_trials
        else None
    )
    failures, more_failures = failures_of(result.trials)
    sections, note = reproduction(result)
    script = "\n".join(map(_asset, _SCRIPTS))
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_asset),
    )
    page: str = environment.get_template("page.html").render(
        policy=_policy(script, plotly_source),
        style=_asset("page.css"),
        script=script,
        head=headline(result),
        cards=cards(result),
        best=best_parameters(result),
        components=component_rows(
            result, result.trials, metric=result.optimization_key, confidence=result.confidence
        ),
        ablator_text=ablator_text(result),
        failures=failures,
        more_failures=more_failures,
        sections=sections,
        note=note,
        problems=[line(problem) for problem in problems],
        has_trials=has_trials,
        data=script_json({"table": table}),
        plots=compress(script_json(plots).encode("utf-8")) if plots else "",
        plotly=plotly if plots else "",
        made=f"Made {time_text(time.time())} by Maggy {__version__}",
    )
    # Halves of characters have no UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


@functools.cache
def _plotly_script() -> tuple[str, str]:
    """Return plotly's script, compressed, and how the page's policy names it."""
    offline = import_optional("plotly.offline", "A report", _REMEDY)
    script: str = offline.get_plotlyjs()
    return compress(script.encode("utf-8")), script_source(script)


def _policy(*sources: str) -> str:
    """Return the Content-Security-Policy: two scripts may run, and nothing may be loaded.

    plotly compiles code for parallel coordinates, and adds styles and pictures of its own.
    """
    own, plotly = script_source(sources[0]), sources[1]
    return (
        f"default-src 'none'; script-src {own} {plotly} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; form-action 'none'; base-uri 'none'"
    )


def _plots(
    result: ExperimentResult, rows: list[TrialRow], direction: Direction
) -> tuple[dict[str, Json], list[str]]:
    """Return the figures and curves for the scripts, and why some figures are missing."""
    metric, trials, best_id = result.optimization_key, result.trials, result.get("best_id")
    places = {row["trial_id"]: place for place, row in enumerate(rows)}
    figures: list[Figure | None] = []
    parameters: list[Figure] = []
    problems: list[str] = []
    if result.kind == "ablation":
        figures.append(differences_figure(result["differences"], metric, direction))
    elif trials:
        figures.append(history_figure(trials, places, metric, direction))
        specs = {} if result.searchspace is None else result.searchspace.to_dict()
        figures.append(lineage_figure(trials, places, metric, direction, [*specs], best_id))
        parameters = [
            parameter_figure(
                trials,
                places,
                name,
                Parameter.parse(name, specs[name]) if name in specs else None,
                metric,
                direction,
            )
            for name in parameter_names(trials)[:_MAX_PARAMETERS]
        ]
    figures.append(timeline_figure(trials, places))
    if result.kind != "ablation":
        further, problems = search_figures(trials, result.searchspace, metric, direction)
        figures += further
    plots: dict[str, Json] = {
        "figures": [figure for figure in figures if figure is not None],
        "parameters": [*parameters],
        "curves": curves_data(rows, direction),
        "hover": [*hover_texts(rows, metric)],
        "metric": line(metric, 60),
        "best": places.get(best_id or ""),
    }
    has_any = plots["figures"] or parameters or plots["curves"]
    return (plots if has_any else {}), problems
