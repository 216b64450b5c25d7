# SPDX-License-Identifier: MIT
"""
A program on a real pseudo-terminal, and the screen that a person would see. The screen is a model of
a terminal that knows the escapes that mvm-probe uses, and fails at any other.
"""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

SECONDS = 60        # nothing takes as long; a test that waits for it has failed


class Model:
    """The screen: `rows` of text, and how it got there."""

    _ESCAPE = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])")

    def __init__(self, cols, rows):
        self.cols, self.rows = cols, rows
        self.is_alternate = False
        self.is_cursor_hidden = False
        self.clears = 0             # of the whole screen
        self.styles = set()         # parameters of SGR that were used
        self.resize(cols, rows)

    def resize(self, cols, rows):
        self.cols, self.rows = cols, rows
        self.cells = [[" "] * cols for _ in range(rows)]
        self.marked = [set() for _ in range(rows)]
        self.x = self.y = 0
        self.style = "0"

    def feed(self, text):
        """Process output; returns the rest that is an incomplete sequence."""
        at = 0
        while at < len(text):
            char = text[at]
            if char == "\x1b":
                match = self._ESCAPE.match(text, at)
                if match is None:
                    if len(text) - at < 16:
                        return text[at:]
                    raise AssertionError("unknown escape: %r" % text[at:at + 16])
                self.escape(*match.groups())
                at = match.end()
                continue
            if char == "\r":
                self.x = 0
            elif char == "\n":
                self.y += 1
            else:
                assert char >= " ", "control character %r" % char
                assert self.x < self.cols, "text behind the right edge"
                assert self.y < self.rows, "text below the screen"
                self.cells[self.y][self.x] = char
                self.marked[self.y].add(self.style)
                self.x += 1
            at += 1
        return ""

    def escape(self, private, numbers, kind):
        if private:
            self.mode(numbers, kind)
        elif kind == "H":
            row, column = (int(n) for n in (numbers or "1;1").split(";"))
            self.y, self.x = row - 1, column - 1
        elif kind == "K" and numbers in ("", "0"):
            self.cells[self.y][self.x:] = [" "] * (self.cols - self.x)
            if self.x == 0:
                self.marked[self.y] = set()
        elif kind == "J" and numbers == "2":
            self.clears += 1
            self.cells = [[" "] * self.cols for _ in range(self.rows)]
        elif kind == "m":
            if self.x == 0:
                self.marked[self.y] = set()
            self.style = numbers or "0"
            self.styles.add(self.style)
        else:
            raise AssertionError("unknown escape: %s%s" % (numbers, kind))

    def mode(self, number, kind):
        if number == "1049":
            self.is_alternate = kind == "h"
        elif number == "25":
            self.is_cursor_hidden = kind == "l"
        else:
            raise AssertionError("unknown mode %s" % number)

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def text(self):
        return "\n".join(self.lines()).rstrip()


class Terminal:
    """A program with a terminal of its own; a context manager."""

    def __init__(self, command, cols=100, rows=20, **environment):
        self.master, self.slave = pty.openpty()
        self.model = Model(cols, rows)
        self.set_size(cols, rows)
        self.before = termios.tcgetattr(self.slave)
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE,
            env={**env, "TERM": "xterm", **environment}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.left = ""
        self.written = []           # each read, as it came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.stderr.closed:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)

    def set_size(self, cols, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def resize(self, cols, rows):
        self.pump(0)
        self.model.resize(cols, rows)
        self.set_size(cols, rows)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def pump(self, seconds):
        """Process the output within this time; False if there is none."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        text = os.read(self.master, 65536).decode()
        self.written.append(text)
        self.left = self.model.feed(self.left + text)
        return True

    def wait_for(self, condition, what):
        """Wait until `condition` of the model is true."""
        deadline = time.monotonic() + SECONDS
        while not condition(self.model):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError("no %s; the screen:\n%s\n%s" % (
                    what, self.model.text(),
                    self.process.stderr.read() if self.process.poll() is not None else ""))
            self.pump(1)

    def wait_for_text(self, text):
        self.wait_for(lambda model: text in model.text(), repr(text))

    def end(self):
        """The exit status of a program that is about to end."""
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            self.pump(0.1)
        while self.pump(0):
            pass
        return self.process.wait(1)
