# SPDX-License-Identifier: MIT
"""Deadlines, and waiting for child processes without polling."""
import os
import select
import time


class RigError(Exception):
    """The rig or QEMU failed."""


class Ended(RigError):
    """A process ended while something was being waited for."""


class TimedOut(RigError, TimeoutError):
    """A deadline passed."""


class Deadline:
    """A moment `seconds` from now; None: never."""

    def __init__(self, seconds):
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self):
        """Seconds until then, at least 0; None: for ever."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def passed(self):
        return self._end is not None and time.monotonic() >= self._end


# Put before a command: it is killed when the thread that started it ends. So start machines in the
# main thread.
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]


def wait_exit(process, timeout):
    """Waits for a subprocess.Popen to end; returns its exit code, or None after timeout seconds."""
    if process.poll() is None:
        fd = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll(None if timeout is None else timeout * 1000)
        finally:
            os.close(fd)
    return process.poll()


def end_process(process, grace=2.0):
    """SIGTERM, and after the grace SIGKILL, for one child of ours; returns its exit code."""
    if process.poll() is None:
        process.terminate()
        if wait_exit(process, grace) is None:
            process.kill()
            process.wait()
    return process.returncode


def readable(fds, timeout):
    """The first of the descriptors, in their order, that is readable; None after the timeout."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    ready = {fd for fd, _ in poll.poll(None if timeout is None else timeout * 1000)}
    return next((fd for fd in fds if fd in ready), None)
