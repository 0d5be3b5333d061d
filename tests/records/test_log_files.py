"""A text that grows is one file on a disk, and a row of segments in an object store."""

import uuid

import pytest

from maggy.common.files import AnyFiles
from maggy.records import log_files as module
from maggy.records.log_files import LogFiles, read_log, segments_of


class CountingFiles(AnyFiles):
    """Files that keep what was asked of the store, and how many bytes were written."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def write_bytes(self, path, data, atomic=True):
        self.calls.append(("write", len(data)))
        super().write_bytes(path, data, atomic)

    def create_bytes(self, path, data):
        self.calls.append(("create", len(data)))
        super().create_bytes(path, data)

    def read_bytes(self, path):
        self.calls.append(("read", 0))
        return super().read_bytes(path)

    def list(self, path):
        self.calls.append(("list", 0))
        return super().list(path)


@pytest.fixture
def files():
    return CountingFiles()


@pytest.fixture(params=["disk", "memory"])
def folder(request, tmp_path):
    return str(tmp_path) if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def remote():
    return f"memory://{uuid.uuid4().hex}"


def text_of(files, folder, name="a.log", max_bytes=10**9):
    return read_log(files, folder, name, max_bytes=max_bytes)


def test_what_is_appended_is_read_back_in_its_order(files, folder):
    logs, data = LogFiles(files), [bytes([65 + number % 26]) * 10_000 for number in range(40)]
    for part in data:
        logs.append(f"{folder}/a.log", part)
    assert text_of(files, folder) == b"".join(data)
    names = AnyFiles().list(folder)
    assert names == (["a.log"] if folder.startswith("/") else segments_of(names, "a.log"))


def test_only_the_end_of_a_long_text_is_read(files, folder):
    logs = LogFiles(files)
    for number in range(30):
        logs.append(f"{folder}/a.log", b"%05d" % number * 2000)
    text = text_of(files, folder)
    for count in (1, 9_999, 10_000, 70_000, 10**7):
        assert text_of(files, folder, max_bytes=count) == text[-count:]


def test_the_cost_of_a_line_in_an_object_store_does_not_grow_with_the_text(files, remote):
    logs = LogFiles(files)
    for _ in range(3000):
        logs.append(f"{remote}/a.log", b"x" * 99 + b"\n")
    assert {kind for kind, _ in files.calls} == {"write", "create"}  # neither read nor listed
    assert len(files.calls) == 3000
    assert max(size for _, size in files.calls) <= module.SEGMENT_BYTES
    assert len(AnyFiles().list(remote)) == -(-300_000 // module.SEGMENT_BYTES)


def test_much_text_at_once_is_one_segment(files, remote):
    logs = LogFiles(files)
    for _ in range(3):
        logs.append(f"{remote}/a.log", b"x" * 10**6)
    assert files.calls == [("create", 10**6)] * 3


def test_the_segments_of_an_earlier_owner_stay_as_they_are_whatever_both_write(files, remote):
    first, second = LogFiles(files), LogFiles(files)
    path = f"{remote}/a.log"
    first.append(path, b"1\n")
    second.append(path, b"2\n")
    first.append(path, b"3\n")  # a driver that was suspended
    second.append(path, b"4\n")
    contents = {name: AnyFiles().read_bytes(f"{remote}/{name}") for name in AnyFiles().list(remote)}
    assert contents == {"a.log": b"1\n3\n", "a.log.000001": b"2\n4\n"}


def test_a_text_that_was_forgotten_goes_on_in_a_new_segment(files, remote):
    logs = LogFiles(files)
    logs.append(f"{remote}/a.log", b"1\n")
    logs.forget(f"{remote}/a.log")
    logs.append(f"{remote}/a.log", b"2\n")
    assert text_of(files, remote) == b"1\n2\n"


def test_few_segments_are_in_memory(files, remote):
    logs = LogFiles(files)
    for _ in range(2):
        for number in range(module._MAX_LAST_SEGMENTS + 10):
            logs.append(f"{remote}/{number}.log", b"x")
    assert len(logs._last_segments) == module._MAX_LAST_SEGMENTS
    assert text_of(files, remote, "0.log") == text_of(files, remote, "99.log") == b"xx"


@pytest.mark.parametrize("takes_effect", [True, False])
def test_a_write_that_failed_may_be_repeated(files, remote, monkeypatch, takes_effect):
    logs, failures = LogFiles(files), []

    def fail_once(name):
        real = getattr(files, name)

        def call(path, data, *rest):
            if takes_effect or (name, len(data)) in failures:
                real(path, data, *rest)
            if (name, len(data)) not in failures:
                failures.append((name, len(data)))
                raise ConnectionError("lost")

        monkeypatch.setattr(files, name, call)

    fail_once("create_bytes")
    fail_once("write_bytes")
    for part in (b"one\n", b"two, longer\n"):
        for _ in range(2):
            try:
                logs.append(f"{remote}/a.log", part)
            except ConnectionError:
                continue
            break
    lines = text_of(files, remote).splitlines()
    assert list(dict.fromkeys(lines)) == [b"one", b"two, longer"]
    assert len(lines) == (3 if takes_effect else 2)  # a line may be in it twice


def test_segments_are_in_the_order_of_their_numbers():
    names = ["a.log.1000000", "a.log.999999", "a.log.000010", "a.log", "a.log.12", "b.a.log",
             "a.log.000002", "a.log.damaged-1", "a.log.000001.x", "a\nlog.000003"]  # fmt: skip
    assert segments_of(names, "a.log") == [
        "a.log", "a.log.000002", "a.log.000010", "a.log.999999", "a.log.1000000",
    ]  # fmt: skip


def test_a_text_that_is_missing_or_a_link_is_not_read(files, tmp_path):
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "app_1"
    folder.mkdir()
    with pytest.raises(FileNotFoundError):
        text_of(files, str(folder))
    (folder / "a.log").symlink_to(tmp_path / "secret")
    with pytest.raises(PermissionError):
        text_of(files, str(folder))
    (folder / "b").symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        text_of(files, str(folder), "b/secret")


def test_a_segment_that_is_there_and_not_listed_is_passed_over(remote):
    class RepeatedFiles(AnyFiles):
        """Files whose first write is sent twice, since its answer was lost, and listed late."""

        def create_bytes(self, path, data):
            super().create_bytes(path, data)
            if path.endswith(".log"):
                raise FileExistsError(path)

        def list(self, path):
            return []

    LogFiles(RepeatedFiles()).append(f"{remote}/a.log", b"line\n")
    assert sorted(AnyFiles().list(remote)) == ["a.log", "a.log.000001"]
