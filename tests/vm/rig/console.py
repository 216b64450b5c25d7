# SPDX-License-Identifier: MIT
"""The guest's console: read as it comes, kept with the host's time, searched and waited on."""
import codecs
import os
import re
import threading
import time

from .waiting import Deadline, Ended, TimedOut


class Console:
    """Reads the descriptor fd to its end in a thread of its own, and copies it to the file log."""

    def __init__(self, fd, log):
        self.lines = []          # (seconds since the start, text), whole lines
        self._start = time.monotonic()
        self._text = ""          # all of it, without "\r"
        self._line_start = 0     # where in _text the unfinished line begins
        self._line_time = 0.0
        self._position = 0       # wait() searches from here
        self._changed = threading.Condition()
        self._ended = False
        self._log = log
        self._thread = threading.Thread(target=self._read, args=(fd,), daemon=True)
        self._thread.start()

    def _read(self, fd):
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        while True:
            try:
                data = os.read(fd, 65536)
            except OSError:             # a terminal that everybody has closed
                data = b""
            with self._changed:
                if data:
                    self._take(decode(data).replace("\r", ""), time.monotonic() - self._start)
                else:
                    self._finish()
                self._changed.notify_all()
                if not data:
                    return

    def _take(self, text, now):
        if self._line_start == len(self._text):
            self._line_time = now
        self._text += text
        while (end := self._text.find("\n", self._line_start)) >= 0:
            self._add_line(self._text[self._line_start:end])
            self._line_start = end + 1
            self._line_time = now
        self._log.flush()

    def _add_line(self, text):
        self.lines.append((self._line_time, text))
        self._log.write("[%10.4f] %s\n" % (self._line_time, text))

    def _finish(self):
        if self._line_start < len(self._text):
            self._add_line(self._text[self._line_start:])
            self._line_start = len(self._text)
        self._ended = True
        self._log.close()

    @property
    def text(self):
        """All output so far."""
        with self._changed:
            return self._text

    def tail(self, n=30):
        """The last n lines, for messages."""
        with self._changed:
            lines = [text for _, text in self.lines] + [self._text[self._line_start:]]
        return "\n".join(lines[-n:])

    def wait(self, regex, timeout=60):
        """
        Waits until regex (multi-line) matches output after the previous call's match, and
        returns the match. Raises TimedOut, or Ended when the console has ended without it.
        """
        pattern = re.compile(regex, re.M)
        deadline = Deadline(timeout)
        with self._changed:
            while True:
                match = pattern.search(self._text, self._position)
                if match:
                    self._position = match.end()
                    return match
                if self._ended or deadline.passed():
                    break
                self._changed.wait(deadline.left())
            ended = self._ended
        if ended:
            raise Ended("the guest ended before /%s/\n%s" % (regex, self.tail()))
        raise TimedOut("no /%s/ in %s s\n%s" % (regex, timeout, self.tail()))

    def wait_line(self, regex, timeout=60):
        """As wait(), for a whole line; the regex must match it from its beginning to its end."""
        return self.wait("^(?:%s)$\n" % regex, timeout)

    def rewind(self):
        """wait() searches from the beginning again."""
        with self._changed:
            self._position = 0

    def find(self, regex):
        """Every match so far, as re.findall() returns them."""
        return re.findall(regex, self.text, re.M)

    def join(self, timeout=5):
        """Waits for the end of the console, which comes when QEMU has ended."""
        self._thread.join(timeout)
