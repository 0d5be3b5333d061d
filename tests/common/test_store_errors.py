"""A library of a store has errors of its own, and the contract of files promises ``OSError``."""

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import maggy
from maggy.cli.command_line import main
from maggy.common.files import AnyFiles

FILES = AnyFiles()


class NoCredentials(Exception):
    """As the error of S3's library, it is no OSError."""


class Locked(MemoryFileSystem):
    """A store that nobody may enter."""

    protocol = "locked"

    def _refuse(self, *_, **__):
        raise NoCredentials("who are you?")

    exists = isdir = ls = info = cat_file = pipe_file = _open = rm = _refuse


@pytest.fixture(autouse=True)
def locked():
    fsspec.register_implementation("locked", Locked, clobber=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda url: FILES.exists(url),
        lambda url: FILES.list(url),
        lambda url: FILES.find(url),
        lambda url: FILES.read_bytes(url),
        lambda url: FILES.read_inside(url, "maggy.json"),
        lambda url: FILES.open_inside(url, "manifest.json"),
        lambda url: FILES.read_end_inside(url, "maggy.log", 10),
        lambda url: FILES.write_bytes(url, b""),
        lambda url: FILES.create_bytes(url, b""),
        lambda url: FILES.make_directory(url),
        lambda url: FILES.remove_folder(url),
    ],
)
def test_an_error_of_a_library_is_an_os_error_with_its_name(call):
    with pytest.raises(OSError, match=r"NoCredentials: who are you\?") as caught:
        call("locked://bucket/app_1")
    assert isinstance(caught.value.__cause__, NoCredentials)


def test_errors_that_say_more_stay_as_they_are():
    with pytest.raises(FileNotFoundError):
        FILES.read_bytes("memory://store-errors/nothing")


@pytest.mark.parametrize("url", ["locked://bucket", "nonsense://bucket"])
@pytest.mark.parametrize(
    "arguments", [["list", "--log-dir", "URL"], ["show", "URL/app_1"], ["watch", "URL/app_1"]]
)
def test_a_store_that_cannot_be_opened_is_3_without_a_traceback(capsys, url, arguments):
    assert main([argument.replace("URL", url) for argument in arguments]) == 3
    captured = capsys.readouterr()
    reason = {
        "locked://bucket": "NoCredentials: who are you?",
        "nonsense://bucket": "ValueError: Protocol not known: nonsense",
    }[url]
    assert (captured.out, captured.err) == ("", f"maggy: {reason}\n")
    with pytest.raises(OSError, match=r"known|who"):
        maggy.load(f"{url}/app_1")
