"""What experiments leave in a store, whichever it is."""

import threading

from maggy.common.files import AnyFiles
from maggy.records.directory import ExperimentStore

__all__ = ["check_trial_files", "run_ids_at_once", "text_of"]

FILES = AnyFiles()


def text_of(*parts):
    """Return the text in the file with these parts of a URL."""
    return FILES.read_bytes(FILES.join(*parts)).decode()


def check_trial_files(result):
    """Check the files of each trial of a search whose function prints "training" once."""
    for trial in result.trials:
        names = FILES.list(f"{result.directory}/{trial['trial_id']}")
        assert [name for name in names if not name.startswith("events.")] == [
            ".hparams.json",
            ".metric",
            ".outputs.json",
            "output.log",
            "trial.json",
        ]
        assert text_of(result.directory, trial["trial_id"], "output.log") == "training\n"


class _Blind(AnyFiles):
    """Files of a process that does not yet see what other processes have made."""

    def list(self, path):
        return []


def run_ids_at_once(root, count):
    """Start experiments at once, and return the sorted numbers of their directories."""
    stores, threads = [], []
    for _ in range(count):
        threads.append(
            threading.Thread(
                target=lambda: stores.append(ExperimentStore.create(_Blind(), root, "app"))
            )
        )
        threads[-1].start()
    for thread in threads:
        thread.join()
    return sorted(store.run_id for store in stores)
