"""A server of MLflow in memory."""

from maggy.tracking.mlflow_server import RecordedRun, ServerIsAway

__all__ = ["SERVER", "FakeServer", "Run"]

SERVER = "http://localhost:5000"


class Run:
    def __init__(self, name, tags):
        self.name, self.tags, self.status, self.is_deleted = name, dict(tags), "RUNNING", False
        self.params, self.points, self.files, self.end = {}, [], {}, None

    def values(self, name):
        return {point.step: point.value for point in self.points if point.name == name}


class FakeServer:
    """A server in memory, which a test may take away."""

    experiment_id = "7"

    def __init__(self, uri=SERVER):
        self.uri, self.runs = uri, {}
        self.is_away, self.calls, self.refused = False, 0, ()

    def _answer(self):
        if self.is_away:
            raise ServerIsAway("The server is away.")
        self.calls += 1

    def connect(self):
        self._answer()

    def create_run(self, name, start, tags):
        self._answer()
        run_id = f"r{len(self.runs)}"
        self.runs[run_id] = Run(name, tags)
        return run_id

    def log(self, run_id, points=(), params=None, tags=None):
        self._answer()
        run = self.runs[run_id]
        if run.name in self.refused:
            raise ValueError("refused")
        run.points += points
        run.params.update(params or {})
        run.tags.update(tags or {})

    def end_run(self, run_id, status, end):
        self._answer()
        self.runs[run_id].status, self.runs[run_id].end = status, end

    def reopen_run(self, run_id):
        self._answer()
        self.runs[run_id].status = "RUNNING"

    def delete_run(self, run_id):
        self._answer()
        self.runs[run_id].is_deleted = True

    def write_text(self, run_id, name, text):
        self._answer()
        self.runs[run_id].files[name] = text

    def read_steps(self, run_id, name):
        self._answer()
        return self.runs[run_id].values(name)

    def find_runs(self, tags, *, in_all_experiments=False):
        self._answer()
        for run_id, run in list(self.runs.items()):
            if not run.is_deleted and tags.items() <= run.tags.items():
                yield RecordedRun(run_id, run.status, run.tags)

    def of(self, trial):
        """Return the run of a trial that is not deleted."""
        [run] = [
            run
            for run in self.runs.values()
            if run.tags.get("maggy.trial_id") == trial.trial_id
            and run.tags["maggy.role"] == "trial"
            and not run.is_deleted
        ]
        return run

    @property
    def parent(self):
        [run] = [run for run in self.runs.values() if run.tags.get("maggy.role") == "experiment"]
        return run
