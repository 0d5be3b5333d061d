"""A terminal without a window: what a program that draws leaves on the screen."""

import codecs
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from fcntl import ioctl

__all__ = ["Screen", "Terminal"]

_TOKEN = re.compile(r"\x1b\[([0-?]*)([@-~])|\x1b.|[\r\n]|[^\x1b\r\n]+", re.DOTALL)


class Screen:
    """The lines that a terminal shows, those that have scrolled away included.

    It knows what rich sends: the ends of lines, the cursor up, lines erased, colours and whether
    the cursor is visible. Anything else is kept in `unknown`.

    Attributes:
        lines: The lines.
        colours: The parameters of the sequences that set colours and the like.
        has_cursor: Whether the cursor is visible.
        unknown: The sequences that are not known.
    """

    def __init__(self, columns=100, rows=30):
        self._columns, self._rows = columns, rows
        self._cells, self._row, self._column = [[]], 0, 0
        self.colours, self.has_cursor, self.unknown = set(), True, []

    @property
    def lines(self):
        return ["".join(cells).rstrip() for cells in self._cells]

    @property
    def text(self):
        return "\n".join(self.lines)

    def feed(self, text):
        for token in _TOKEN.finditer(text):
            if token[2]:
                self._obey(token[1], token[2])
            elif token[0] == "\r":
                self._column = 0
            elif token[0] == "\n":
                self._next_line()
            elif token[0].startswith("\x1b"):
                self.unknown.append(token[0])
            else:
                self._put(token[0])

    def _obey(self, parameters, command):
        if command == "m":
            self.colours.add(parameters)
        elif command == "A":
            top = max(0, len(self._cells) - self._rows)
            self._row = max(top, self._row - int(parameters or 1))
        elif (parameters, command) == ("2", "K"):
            self._cells[self._row] = []
        elif parameters == "?25":
            self.has_cursor = command == "h"
        else:
            self.unknown.append(parameters + command)

    def _next_line(self):
        self._row += 1
        self._column = 0
        if self._row == len(self._cells):
            self._cells.append([])

    def _put(self, text):
        for character in text:
            if self._column == self._columns:
                self._next_line()
            cells = self._cells[self._row]
            cells.extend(" " * (self._column + 1 - len(cells)))
            cells[self._column] = character
            self._column += 1


class Terminal:
    """A program in a terminal of its own, a real one to the program.

    Args:
        command: The program and its arguments.
        columns: Number of columns.
        rows: Number of lines.
        **variables: Further environment variables; None leaves one out.

    Attributes:
        process: The program.
        screen: What it has drawn.
        raw: Everything that it has written.
    """

    def __init__(self, command, columns=100, rows=30, **variables):
        self._end, end = pty.openpty()
        ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.attributes = termios.tcgetattr(end)
        environment = {**os.environ, "TERM": "xterm-256color", **variables}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            if name not in variables:
                environment.pop(name, None)
        self.process = subprocess.Popen(
            command,
            stdin=end,
            stdout=end,
            stderr=end,
            env={name: value for name, value in environment.items() if value is not None},
            preexec_fn=self._own_terminal,
        )
        self._program_end = end
        self.screen, self.raw = Screen(columns, rows), ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @staticmethod
    def _own_terminal():
        os.setsid()
        ioctl(0, termios.TIOCSCTTY, 0)

    def attributes_now(self):
        """Return the settings of the terminal, such as whether it shows what is typed."""
        return termios.tcgetattr(self._program_end)

    def press(self, keys):
        """Press keys; "\\x03" is Ctrl-C."""
        os.write(self._end, keys.encode())

    def read_until(self, condition, seconds):
        """Read until the screen fulfils a condition."""
        deadline = time.monotonic() + seconds
        while not condition(self.screen):
            assert self._read(), f"The program has ended with this screen:\n{self.screen.text}"
            assert time.monotonic() < deadline, f"The terminal shows:\n{self.screen.text}"

    def read_to_end(self, seconds):
        """Read until the program has ended."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, f"The terminal shows:\n{self.screen.text}"

    def _read(self):
        """Read what is there, and return whether there may be more."""
        has_ended = self.process.poll() is not None
        if not select.select([self._end], [], [], 0.0 if has_ended else 0.1)[0]:
            return not has_ended
        text = self._decoder.decode(os.read(self._end, 65536))
        self.screen.feed(text)
        self.raw += text
        return True

    def close(self):
        """End the program, and close the terminal."""
        self.process.kill()
        self.process.wait()
        os.close(self._program_end)
        os.close(self._end)
