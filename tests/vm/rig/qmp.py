# SPDX-License-Identifier: MIT
"""A small client of QEMU's monitor protocol. QEMU connects to us, so there is nothing to poll for."""
import json
import os
import socket
import threading

from .waiting import Deadline, Ended, RigError, TimedOut, readable


class QMP:
    """command(name, **arguments), and .events as they came."""

    def __init__(self, path):
        """Listens at path; give path to QEMU, start it, and call accept()."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        self._socket = None
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._replies = {}
        self._last_id = 0
        self._closed = False
        self.events = []

    def accept(self, process, timeout=20):
        """Waits for QEMU, which is `process`."""
        pidfd = os.pidfd_open(process.pid)
        try:
            ready = readable([self._listener.fileno(), pidfd], timeout)
        finally:
            os.close(pidfd)
        if ready is None:
            raise TimedOut("QEMU did not open its monitor in %s s" % timeout)
        if ready == pidfd:
            raise Ended("QEMU ended with %s" % process.wait())
        self._socket, _ = self._listener.accept()
        self._listener.close()
        threading.Thread(target=self._read, daemon=True).start()
        self.command("qmp_capabilities")

    def _read(self):
        try:
            with self._socket.makefile("r") as lines:
                for line in lines:
                    self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, message):
        with self._changed:
            if "event" in message:
                self.events.append(message)
            elif "id" in message:
                self._replies[message["id"]] = message
            self._changed.notify_all()

    def command(self, name, timeout=20, **arguments):
        """Runs a command and returns its value; "_" in an argument's name stands for "-"."""
        with self._lock:
            self._last_id += 1
            number = self._last_id
            request = {"execute": name, "id": number}
            if arguments:
                request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
            try:
                self._socket.sendall((json.dumps(request) + "\n").encode())
            except OSError as e:
                raise Ended("QEMU's monitor: %s" % e) from None
        with self._changed:
            self._changed.wait_for(lambda: number in self._replies or self._closed, timeout)
            if number not in self._replies:
                raise (Ended("QEMU's monitor closed at %s" % name) if self._closed else
                       TimedOut("QEMU's monitor: no answer to %s in %s s" % (name, timeout)))
            reply = self._replies.pop(number)
        if "error" in reply:
            raise RigError("QEMU's monitor: %s: %s" % (name, reply["error"].get("desc")))
        return reply["return"]

    def wait_event(self, name, timeout=20):
        """Waits for an event of that name, past ones included; returns it."""
        deadline = Deadline(timeout)

        def find():
            return next((e for e in self.events if e["event"] == name), None)

        with self._changed:
            self._changed.wait_for(lambda: find() or self._closed, deadline.left())
            event = find()
        if event is None:
            raise TimedOut("QEMU's monitor: no event %s in %s s" % (name, timeout))
        return event

    def close(self):
        self._listener.close()
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._socket.close()
