"""One driver at a time may write in a directory. The tests set its clock and its process."""

import json
import subprocess
import sys
import threading
import uuid
from dataclasses import replace

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from maggy.common.exceptions import OwnershipError, ResumeError
from maggy.common.files import AnyFiles
from maggy.records.ownership import RENEW_SECONDS, SILENCE_SECONDS, Owner, Ownership
from maggy.records.process import Process

FILES = AnyFiles()
FIRST = Process("host-a", "boot", "pid:[1]", 10, "500")
SECOND = Process("host-b", "other boot", "pid:[1]", 10, "600")


@pytest.fixture(params=["disk", "memory"])
def directory(request, tmp_path):
    if request.param == "disk":
        yield str(tmp_path)
        return
    url = f"memory://{uuid.uuid4().hex}"
    yield url
    if MemoryFileSystem().exists(url):
        MemoryFileSystem().rm(url, recursive=True)


class Time:
    """The clock of all drivers of a test."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def driver(directory, time):
    """Make a driver that tries to own the directory."""

    def make(process=FIRST, *, dead=(), files=FILES):
        return Ownership(
            files,
            directory,
            clock=time,
            process=process,
            is_dead=lambda process, seen_from: process in dead,
        )

    return make


def owner(directory, number):
    return json.loads(FILES.read_bytes(f"{directory}/owner-{number}.json"))


def test_the_owner_s_file_says_who_it_is_and_since_when(driver, directory):
    driver().take()
    record = owner(directory, 1)
    assert {
        name: record[name]
        for name in ("host", "boot_id", "pid", "started", "since", "seen", "ended")
    } == {
        "host": "host-a",
        "boot_id": "boot",
        "pid": 10,
        "started": "500",
        "since": 1000.0,
        "seen": 1000.0,
        "ended": None,
    }
    assert FILES.list(directory) == ["owner-1.json"]


def test_a_second_driver_is_refused_with_a_sentence_that_says_who_owns_it_and_since_when(
    driver, directory, time
):
    driver().take()
    time.now += SILENCE_SECONDS
    with pytest.raises(
        OwnershipError,
        match=r"is owned by process 10 on host-a since \d{4}-\d\d-\d\d .* 60 seconds",
    ):
        driver(SECOND).take()
    assert issubclass(OwnershipError, ResumeError)
    assert FILES.list(directory) == ["owner-1.json"]


def test_another_driver_takes_over_from_an_owner_that_is_silent_for_too_long(
    driver, directory, time
):
    driver().take()
    time.now += SILENCE_SECONDS + 1
    driver(SECOND).take()
    assert (owner(directory, 2)["host"], owner(directory, 1)["host"]) == ("host-b", "host-a")


def test_another_driver_takes_over_from_a_provably_dead_owner_at_once(driver, directory):
    driver().take()
    driver(SECOND, dead=[FIRST]).take()
    assert owner(directory, 2)["host"] == "host-b"


def test_another_driver_owns_a_released_directory_at_once(driver, directory):
    first = driver()
    first.take()
    first.release()
    driver(SECOND).take()
    assert owner(directory, 2)["host"] == "host-b"


def test_a_process_may_take_over_from_its_own_earlier_experiment(driver, directory):
    driver().take()
    driver().take()
    assert owner(directory, 2)["pid"] == 10


def test_a_process_with_the_same_number_in_another_container_is_another_driver(driver):
    driver().take()
    with pytest.raises(OwnershipError):
        driver(replace(FIRST, namespace="pid:[2]")).take()


def test_where_processes_cannot_be_told_apart_the_same_number_is_no_proof(driver):
    unknown = Process("host", "", "", 10, "")
    driver(unknown).take()
    with pytest.raises(OwnershipError):
        driver(unknown).take()


def test_an_owner_gives_a_sign_of_life_only_when_it_is_time_to(driver, directory, time):
    first = driver()
    first.take()
    time.now += RENEW_SECONDS - 1
    first.renew()
    assert owner(directory, 1)["seen"] == 1000.0
    time.now += 1
    first.renew()
    assert owner(directory, 1)["seen"] == 1000.0 + RENEW_SECONDS
    assert owner(directory, 1)["since"] == 1000.0


def test_nobody_takes_over_from_an_owner_that_gives_signs_of_life(driver, time):
    first = driver()
    first.take()
    for _ in range(10):
        time.now += SILENCE_SECONDS - 1
        with pytest.raises(OwnershipError):
            driver(SECOND).take()
        first.renew()


def test_a_driver_that_was_away_ends_with_a_sentence_if_another_has_taken_over(
    driver, directory, time
):
    first, second = driver(), driver(SECOND)
    first.take()
    time.now += 100
    second.take()
    before = FILES.read_bytes(f"{directory}/owner-1.json")
    for _ in range(2):
        with pytest.raises(
            OwnershipError,
            match=r"now owned by process 10 on host-b .* no sign of life for 100 seconds",
        ):
            first.renew()
    first.release()
    assert FILES.read_bytes(f"{directory}/owner-1.json") == before
    second.renew()


def test_a_driver_that_was_away_continues_if_it_is_still_the_owner(driver, directory, time):
    first = driver()
    first.take()
    time.now += 10_000
    first.renew()
    assert owner(directory, 1)["seen"] == 11_000.0


def test_a_clock_that_is_set_back_is_noticed(driver, directory, time):
    first = driver()
    first.take()
    time.now -= 3600
    first.renew()
    assert owner(directory, 1)["seen"] == time.now


def test_the_incomplete_file_of_a_killed_owner_is_ignored(driver, directory):
    FILES.make_directory(directory, exist_ok=True)
    for number, content in ((1, b""), (2, b'{"host"'), (3, b"[]"), (7, b"[" * 200_000)):
        FILES.write_bytes(f"{directory}/owner-{number}.json", content)
    driver().take()
    assert owner(directory, 8)["host"] == "host-a"


def test_a_later_release_s_fields_are_no_damage(driver, directory):
    driver().take()
    record = {**owner(directory, 1), "user": "ada"}
    FILES.write_bytes(f"{directory}/owner-1.json", json.dumps(record).encode())
    with pytest.raises(OwnershipError):
        driver(SECOND).take()


def test_only_one_of_several_drivers_gets_the_directory(driver, directory):
    FILES.make_directory(directory, exist_ok=True)
    ready, outcomes = threading.Barrier(8, timeout=60), []

    def try_to_own(number):
        ownership = driver(replace(FIRST, pid=number))
        ready.wait()
        try:
            ownership.take()
            outcomes.append("owns")
        except OwnershipError:
            outcomes.append("refused")

    threads = [
        threading.Thread(target=try_to_own, args=[number], daemon=True) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["owns"] + 7 * ["refused"]


class LastOneWins(AnyFiles):
    """A store without exclusive creation, in which another driver stores a file first."""

    def __init__(self):
        super().__init__()
        self.before = []

    def create_bytes(self, path, data):
        while self.before:
            self.before.pop()()
        super().write_bytes(path, data)


def test_if_a_store_lets_two_drivers_create_one_file_the_last_one_owns_it(driver, directory, time):
    FILES.make_directory(directory, exist_ok=True)
    store = LastOneWins()
    first, second = driver(files=store), driver(SECOND, files=store)
    store.before.append(second.take)
    first.take()
    first.renew()
    time.now += RENEW_SECONDS
    first.renew()
    with pytest.raises(OwnershipError, match="now owned by process 10 on host-a"):
        second.renew()


def test_a_driver_whose_file_is_visible_before_its_content_gives_way(driver, directory):
    FILES.make_directory(directory, exist_ok=True)

    class Slow(AnyFiles):
        def create_bytes(self, path, data):
            super().create_bytes(path, b"")
            driver(SECOND).take()
            super().write_bytes(path, data)

    with pytest.raises(OwnershipError, match="is owned by process 10 on host-b"):
        driver(files=Slow()).take()


@pytest.mark.parametrize("process", [FIRST, replace(FIRST, boot_id="")])
def test_a_driver_owns_what_it_has_written_although_the_store_says_that_it_exists(
    driver, directory, process
):
    """A client of S3 repeats a write whose answer was lost, and then finds its own file."""
    FILES.make_directory(directory, exist_ok=True)

    class AnswerLost(AnyFiles):
        def create_bytes(self, path, data):
            super().create_bytes(path, data)
            super().create_bytes(path, data)

    first = driver(process, files=AnswerLost())
    first.take()
    assert (first.number, first.proof()[0]) == (1, "owner-1.json")
    with pytest.raises(OwnershipError, match="is owned by process 10 on host-a"):
        driver(SECOND).take()


def test_an_owner_whose_file_was_removed_writes_it_again(driver, directory, time):
    first = driver()
    first.take()
    FILES.remove(f"{directory}/owner-1.json")
    time.now += RENEW_SECONDS
    first.renew()
    assert owner(directory, 1)["host"] == "host-a"


def test_a_driver_that_is_not_the_owner_changes_nothing(driver, directory, time):
    first = driver()
    first.release()
    first.renew()
    first.take()
    first.release()
    first.release()
    time.now += 100
    first.renew()
    assert owner(directory, 1)["ended"] == 1000.0


@pytest.mark.parametrize("time_text", ["NaN", "Infinity", '"text"', "null", "[]", "{}"])
def test_an_owner_s_file_with_an_invalid_time_is_unreadable(time_text):
    text = Owner(FIRST, 1.0, 2.0).to_json().decode()
    assert Owner.from_json(text.encode()).last_sign == 2.0
    assert Owner.from_json(text.replace('"seen": 2.0', f'"seen": {time_text}').encode()) is None


HOLDER = """
import sys
from maggy.common.files import AnyFiles
from maggy.records.directory import ExperimentStore
store = ExperimentStore.create(AnyFiles(), sys.argv[1], "app")
store.write_experiment({"name": "held"})
print(store.directory, flush=True)
input()
"""


@pytest.mark.loopback
def test_a_killed_driver_s_directory_is_owned_at_once_and_a_living_one_s_is_not(tmp_path):
    from maggy.records.directory import ExperimentStore

    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        directory = holder.stdout.readline().strip()
        store = ExperimentStore.open(FILES, str(tmp_path), directory)
        with pytest.raises(OwnershipError, match=f"is owned by process {holder.pid} on "):
            store.claim()
        holder.kill()
        holder.wait(60)
        store.claim()
        assert (tmp_path / "app_1" / "owner-2.json").exists()
    finally:
        holder.kill()
        holder.communicate()
