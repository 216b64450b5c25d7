# SPDX-License-Identifier: MIT
"""
An independent client that speaks mvm 0.7's protocol as mvm's host does: one request for each
connection, through the hybrid Unix socket; length and body in separate writes; a timeout for each
read and write; and a reader for the "OK" line that is thrown away with whatever else it has read.
"""
import json
import os
import socket
import stat
import struct

import mvm_types

PORT = 52
FRAME_MAX = 262144
TIMEOUT_S = 10
READER_BYTES = 8192     # what the thrown-away reader takes at once


class CallFailed(Exception):
    """The call came to nothing; the message is what the host would report."""


def dial(path, port=PORT, timeout=TIMEOUT_S):
    """A stream to the guest's port, through the handshake as the host makes it."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise CallFailed("%s is not a socket" % path)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    try:
        s.connect(path)
        s.sendall(b"CONNECT %d\n" % port)
        # The reader takes all that there is: whatever the guest says early is lost with it.
        line = s.recv(READER_BYTES)
        while line and b"\n" not in line:
            line += s.recv(READER_BYTES)
        if not line.startswith(b"OK "):
            raise CallFailed("Vsock CONNECT failed: expected 'OK %d', got %r" % (port, line))
    except socket.timeout:
        s.close()
        raise CallFailed("Guest agent did not respond within %ds" % timeout) from None
    except BaseException:
        s.close()
        raise
    return s


def _read_exactly(s, count, what):
    data = b""
    while len(data) < count:
        try:
            part = s.recv(count - len(data))
        except socket.timeout:
            raise CallFailed("Guest agent timed out while reading %s" % what) from None
        except ConnectionResetError:
            part = b""
        if not part:
            raise CallFailed("Failed to read %s: end of stream" % what)
        data += part
    return data


def receive(s):
    """The body of an answer's frame."""
    length, = struct.unpack(">I", _read_exactly(s, 4, "response length"))
    if length > FRAME_MAX:
        raise CallFailed("Response frame too large: %d bytes" % length)
    return _read_exactly(s, length, "response body")


def send(s, body):
    """A request's frame, in the host's two writes."""
    s.sendall(struct.pack(">I", len(body)))
    s.sendall(body)


def encode(name, fields=None):
    """A request in the host's spelling."""
    value = name if fields is None else {name: fields}
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Client:
    """
    The host's calls to one guest, at the path of its hybrid socket. Its timeouts are the host's
    times `slack`: an emulated guest on a busy machine is no measure of anything.
    """

    def __init__(self, path, port=PORT, slack=6):
        self.path, self.port, self.slack = path, port, slack

    def call(self, name, fields=None, timeout=TIMEOUT_S):
        """(name, value) of the answer to one request."""
        with dial(self.path, self.port, timeout * self.slack) as s:
            send(s, encode(name, fields))
            try:
                return mvm_types.decode(receive(s))
            except mvm_types.Undecodable as e:
                raise CallFailed("Failed to deserialize response: %s" % e) from None

    def call_own(self, name, fields=None):
        """The answer to a request of our own, not mvm's, as a Python value."""
        with dial(self.path, self.port, TIMEOUT_S * self.slack) as s:
            send(s, encode(name, fields))
            (_, value), = json.loads(receive(s)).items()
            return value

    def _expect(self, answer, name, fields=None, timeout=TIMEOUT_S):
        got, value = self.call(name, fields, timeout)
        if got == "Error":
            raise CallFailed("Guest agent error: %s" % value["message"])
        if got != answer:
            raise CallFailed("Unexpected response to %s: %s" % (name, got))
        return value

    def ping(self):
        return self.call("Ping")[0] == "Pong"

    def worker_status(self):
        return self._expect("WorkerStatus", "WorkerStatus")

    def integrations(self):
        """{name: integration}."""
        report = self._expect("IntegrationStatusReport", "IntegrationStatus")
        return {i["name"]: i for i in report["integrations"]}

    def probes(self):
        """{name: probe}."""
        return {p["name"]: p for p in self._expect("ProbeStatusReport", "ProbeStatus")["probes"]}

    def sleep_prep(self, drain_timeout_secs):
        return self._expect("SleepPrepAck", "SleepPrep",
                            {"drain_timeout_secs": drain_timeout_secs}, drain_timeout_secs)

    def checkpoint(self, names, timeout=60):
        return self._expect("CheckpointResult", "CheckpointIntegrations", {"integrations": names},
                            timeout)

    def wake(self):
        return self._expect("WakeAck", "Wake")

    def post_restore(self):
        return self._expect("PostRestoreAck", "PostRestore")

    def exec(self, command, stdin=None, timeout=30):
        return self._expect("ExecResult", "Exec", {"command": command, "stdin": stdin,
                                                   "timeout_secs": timeout}, timeout)
