"""Records and checkpoints on servers of Google Cloud Storage, Azure and SFTP; ``tox -e stores``."""

import os
import subprocess
import sys
import threading
import time

import fsspec
import pytest
from helpers.checkpoints import count_up, die_on_record
from helpers.remote_records import check_trial_files, run_ids_at_once, text_of
from helpers.store_servers import SERVERS, why_not
from helpers.waiting import HANG, running, wait_until

from maggy import Searchspace, experiment, load
from maggy.common.exceptions import OwnershipError, RecordsError
from maggy.common.files import AnyFiles
from maggy.core.experiment_driver.recorder import Recorder
from maggy.experiment_config import OptimizationConfig
from maggy.records import writer
from maggy.records.ownership import SILENCE_SECONDS, Ownership

pytestmark = pytest.mark.slow
FILES = AnyFiles()
SPACE = Searchspace(x=("DISCRETE", [1, 2]))


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tmp_path_factory):
    if (reason := why_not(request.param)) is not None:
        pytest.skip(reason)
    server = SERVERS[request.param](tmp_path_factory.mktemp(request.param))
    yield server
    server.stop()


@pytest.fixture
def place(server, monkeypatch):
    """Return the URL of a new place, which this process reaches."""
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    url = server.new_place()
    clients = fsspec.get_filesystem_class(url.partition("://")[0])
    clients.clear_instance_cache()
    yield url
    clients.clear_instance_cache()


@pytest.fixture
def workers(server, spark, monkeypatch):
    """Let the workers reach the store, too, as ``spark.executorEnv`` does."""
    for name, value in server.variables.items():
        monkeypatch.setitem(spark.sparkContext.environment, name, value)


def search(place, train, **options):
    options = {"hb_interval": 0.1, "log_dir": f"{place}/experiments", "seed": 1, **options}
    num_trials, optimizer = options.pop("num_trials", 2), options.pop("optimizer", "gridsearch")
    space = options.pop("space", SPACE)
    return experiment.lagom(train, OptimizationConfig(num_trials, optimizer, space, **options))


def check_that_nobody_is_told(secret, output, directory):
    """Check that a secret is neither in what was printed nor in a file of the experiment."""
    if secret is not None:
        assert secret not in output
        for path in FILES.find(directory):
            assert secret.encode() not in FILES.read_bytes(path), path.rpartition("/")[2]


# aiohttp, below gcsfs and adlfs: these send a large part of a file in one piece.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_files_keep_the_contract(place):
    place = f"{place}/folder"
    assert (FILES.exists(place), FILES.list(place)) == (False, [])
    FILES.make_directory(place)
    with pytest.raises(FileExistsError):
        FILES.make_directory(place)
    FILES.make_directory(f"{place}/in/er", exist_ok=True)
    for content in (b"a longer text", b"short", b""):
        for atomic in (True, False):
            FILES.write_bytes(f"{place}/in/a.csv", content, atomic)
            assert FILES.read_bytes(f"{place}/in/a.csv") == content
            assert FILES.read_end_inside(place, "in/a.csv", 3) == content[-3:]
    FILES.create_bytes(f"{place}/in/er/b.csv", b"first")
    with pytest.raises(FileExistsError):
        FILES.create_bytes(f"{place}/in/er/b.csv", b"second")
    for line in (b"one\n", b"two\n"):
        FILES.append_bytes(f"{place}/log", line)
    assert FILES.read_end_inside(place, "log", 5) == b"\ntwo\n"
    for read in (FILES.read_bytes, lambda path: FILES.open_to_read(path).read()):
        with pytest.raises(FileNotFoundError):
            read(f"{place}/missing")
    assert FILES.find(f"{place}/in") == [f"{place}/in/a.csv", f"{place}/in/er/b.csv"]
    for pattern in ("?.csv", "*.csv", "[ab].*"):
        assert FILES.find(f"{place}/in/{pattern}") == [f"{place}/in/a.csv"]
    assert FILES.find(f"{place}/missing/*") == []
    FILES.rename(f"{place}/in", f"{place}/out")
    FILES.rename(f"{place}/log", f"{place}/output.log")
    assert FILES.list(place) == ["out", "output.log"]
    with FILES.fetch([f"{place}/out/er/b.csv"]) as (copy,), open(copy, "rb") as file:
        assert file.read() == b"first"
    large = os.urandom(11 * 2**20)
    with FILES.open_to_write(f"{place}/large") as file:
        for start in range(0, len(large), 2**22):
            file.write(large[start : start + 2**22])
    with FILES.open_to_read(f"{place}/large") as file:
        assert b"".join(iter(lambda: file.read(2**22), b"")) == large
    FILES.remove_temporary(place)
    for _ in range(2):
        FILES.remove(f"{place}/output.log")
        FILES.remove_folder(f"{place}/out")
    assert FILES.list(place) == ["large"]


def test_only_one_of_several_threads_creates_a_file(place):
    FILES.make_directory(place, exist_ok=True)
    ready, created = threading.Barrier(6, timeout=60), []

    def create(path, number):
        ready.wait()
        try:
            FILES.create_bytes(path, b"%d" % number)
        except FileExistsError:
            return
        created.append((path, number))

    for attempt in range(5):
        path = f"{place}/file-{attempt}"
        threads = [threading.Thread(target=create, args=(path, number)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [name for name, _ in created] == [f"{place}/file-{n}" for n in range(attempt + 1)]
        assert int(FILES.read_bytes(path)) == created[-1][1]


def test_experiments_that_start_at_once_get_a_directory_each(place):
    assert run_ids_at_once(f"{place}/x", 6) == [1, 2, 3, 4, 5, 6]


def test_a_driver_notices_that_another_one_has_taken_over(server, place):
    now = [0.0]
    FILES.make_directory(f"{place}/app_1", exist_ok=True)
    first, second, third = (
        Ownership(FILES, f"{place}/app_1", clock=lambda: now[0], allow_own_process=False)
        for _ in range(3)
    )
    first.take()
    with pytest.raises(OwnershipError, match="is owned by process"):
        second.take()
    now[0] = SILENCE_SECONDS + 1
    second.take()
    assert (first.number, second.number) == (1, 2)
    with pytest.raises(OwnershipError, match="is now owned by process") as error:
        first.renew()
    assert server.secret is None or server.secret not in str(error.value)
    second.renew()
    second.release()
    third.take()
    assert FILES.list(f"{place}/app_1") == ["owner-1.json", "owner-2.json", "owner-3.json"]


def test_a_search_leaves_its_records_and_goes_on(place, server, workers, capfd):
    def train(x):
        print("training")
        return x

    options = {"space": Searchspace(x=("DOUBLE", [0.0, 1.0])), "optimizer": "randomsearch"}
    first = search(place, train, **options)
    second = search(place, train, **options)
    assert [result.directory[-2:] for result in (first, second)] == ["_1", "_2"]
    check_trial_files(first)
    before = text_of(second.directory, "maggy.log")
    resumed = search(place, train, num_trials=4, resume=first.directory, **options)
    assert len(resumed.trials) == 4
    assert text_of(second.directory, "maggy.log") == before
    assert load(first.directory).trials == resumed.trials
    check_that_nobody_is_told(server.secret, "".join(capfd.readouterr()), first.directory)


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_goes_on_from_its_checkpoint_after_its_process_was_killed(
    place, server, workers, capfd, isolation
):
    def train(x, reporter):
        trained, fail_at = [], 1 if x == 2 else None
        total = count_up({"x": x}, reporter, fail_at=fail_at, fails=die_on_record, trained=trained)
        return {"metric": total, "epochs": len(trained)}

    result = search(place, train, isolation=isolation)
    rows = {row["params"]["x"]: row for row in result.trials}
    assert (rows[2]["attempts"], rows[2]["metric"], rows[1]["metric"]) == (2, 14, 10)
    assert (rows[2]["steps"], rows[2]["history"]) == ([0, 1, 2, 3], [2, 5, 9, 14])
    assert rows[2]["outputs"]["epochs"] in (2, 3)  # of four
    for opened in (result, load(result.directory)):
        checkpoint = opened.best_checkpoint()
        assert (checkpoint.step, (checkpoint / "total").read_text()) == (3, "14")
    # Only the best trial keeps its checkpoints.
    assert not FILES.find(f"{result.directory}/{rows[1]['trial_id']}/checkpoints")
    check_that_nobody_is_told(server.secret, "".join(capfd.readouterr()), result.directory)


@pytest.fixture
def sftp(tmp_path):
    server = SERVERS["sftp"](tmp_path)
    yield server
    server.stop()


def test_a_password_may_stand_in_environment_variables(sftp):
    url = sftp.new_place().replace(f"tests:{sftp.secret}@", "")
    program = f"from maggy.common.files import AnyFiles; AnyFiles().write_bytes('{url}/file', b'x')"
    variables = {"FSSPEC_SFTP_USERNAME": "tests", "FSSPEC_SFTP_PASSWORD": sftp.secret}
    subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **variables}, check=True, timeout=HANG
    )
    (folder,) = sftp.folder.iterdir()
    assert [file.name for file in folder.iterdir()] == ["file"]


def test_a_place_that_refuses_is_named_without_the_password(sftp, spark, capfd):
    place = sftp.new_place().replace(sftp.secret, "not-" + sftp.secret)
    with pytest.raises(RecordsError, match=rf"sftp://\*\*\*@127.0.0.1:{sftp.port}/") as error:
        search(place, lambda x: x)
    assert sftp.secret not in str(error.value) + "".join(capfd.readouterr())


def test_a_store_that_goes_away_costs_no_trial(place, server, workers, monkeypatch, capfd):
    """Stop the server before the first trial, and start it again after the last one."""
    monkeypatch.setattr(writer, "LONGEST_DELAY", 0.5)
    begin, end = Recorder.trial_begins, Recorder.trial_ended
    down, ends, over = threading.Event(), [], threading.Event()

    def begin_without_store(self, trial):
        if not down.is_set():
            server.stop()
            down.set()
        begin(self, trial)

    def count_end(self, trial):
        ends.append(trial)
        end(self, trial)

    def come_back():
        wait_until(lambda: len(ends) == 2 or over.is_set(), "the end of all trials")
        if down.is_set():
            time.sleep(2)
            server.start()

    monkeypatch.setattr(Recorder, "trial_begins", begin_without_store)
    monkeypatch.setattr(Recorder, "trial_ended", count_end)
    with running(come_back, release=over.set) as store_is_back:
        result = search(place, lambda x: x)
        store_is_back.result()
    output = "".join(capfd.readouterr())
    assert "could not be written" not in output
    assert result["num_trials"] == 2
    assert load(result.directory).trials == result.trials
    assert load(result.directory).state == "FINISHED"
    check_that_nobody_is_told(server.secret, output, result.directory)
