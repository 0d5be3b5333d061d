"""``maggy watch``: an experiment while it runs, as a live view, as lines or as JSON."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from maggy.cli.arguments import add_experiment
from maggy.cli.command import FAILURE, SUCCESS, Command
from maggy.cli.screen import Screen
from maggy.common.credentials import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maggy.live.follower import Look

__all__ = ["WatchCommand"]


class WatchCommand(Command):
    """Watch an experiment until it has ended."""

    name = "watch"
    summary = "Watch an experiment until it has ended"
    description = (
        "In a terminal it draws the trials that run, the best ones and the failures. Elsewhere it "
        "writes a line for each trial that ends, and how far the experiment is. Ctrl-C ends only "
        "the watching."
    )
    examples = (
        ("maggy watch local-1700000000000_1", "a live view, or lines if the output is no terminal"),
        ("maggy watch s3://bucket/runs/app_1 --interval 60", "look once a minute"),
        ("maggy watch local-1700000000000_1 --json | jq .num_ended", "one JSON object a line"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the experiment, the seconds between two looks, and ``--json``."""
        add_experiment(parser)
        parser.add_argument(
            "--interval",
            type=float,
            metavar="SECONDS",
            help="seconds between two looks; by default 2 to 5 on a disk, 30 on a remote store",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="write a JSON object in a line whenever something has changed, for programs",
        )

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Watch, and return the exit code of a failure if the experiment failed."""
        # Here, because these take ten times as long to import as the help takes to show.
        from maggy.watching import Watching, follow, make_view, open_follower

        follower = open_follower(arguments.experiment, log_dir=arguments.log_dir)
        looks = follow(follower, arguments.interval)
        if arguments.json:
            follower.has_output = False
            state = _write_json(looks, screen)
        else:
            watching = Watching(looks, make_view(screen.write_now), follower)
            watching.run()
            state = "" if watching.last is None else watching.last.snapshot.state
        return FAILURE if state == "FAILED" else SUCCESS


def _write_json(looks: Iterator[Look], screen: Screen) -> str:
    """Write an object for each look that has found something new. Return the last state."""
    from maggy.result.rows import make_row

    earlier: dict[str, object] = {}
    for look in looks:
        for problem in look.problems:
            screen.remark(problem)
        fields = dict(vars(look.snapshot))
        times = {name: fields.pop(name) for name in ("time", "seconds", "remaining_seconds")}
        del fields["output"]
        fields["directory"] = without_credentials(look.snapshot.directory)
        if fields != earlier or look.new_ends:
            earlier = fields
            key = look.snapshot.optimization_key
            trials = [make_row(trial, key) for trial in look.new_ends]
            screen.write_json_line({**fields, **times, "ended_trials": trials})
    return str(earlier.get("state", ""))
