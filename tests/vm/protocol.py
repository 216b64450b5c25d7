# SPDX-License-Identifier: MIT
"""A small client of the guest agent: frames of a length (32 bits, big-endian) and JSON."""
import json
import struct
import time

from rig.waiting import Deadline, TimedOut

PORT = 52


def frame(body):
    """A frame around text or bytes."""
    data = body.encode() if isinstance(body, str) else body
    return struct.pack(">I", len(data)) + data


def read_frame(s):
    """The body of the next frame, as bytes; None at the end of the stream."""
    header = _read(s, 4)
    return None if header is None else _read(s, struct.unpack(">I", header)[0])


def _read(s, count):
    data = b""
    while len(data) < count:
        part = s.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def ask(machine, request, timeout=20):
    """The answer to one request over a connection of its own, decoded."""
    with machine.connect_when_up(PORT, first=frame(json.dumps(request))) as s:
        s.settimeout(timeout)
        return json.loads(read_frame(s))


def integrations(machine):
    """{name: report} of IntegrationStatus."""
    answer = ask(machine, "IntegrationStatus")
    return {i["name"]: i for i in answer["IntegrationStatusReport"]["integrations"]}


def probes(machine):
    """{name: report} of ProbeStatus."""
    return {p["name"]: p for p in ask(machine, "ProbeStatus")["ProbeStatusReport"]["probes"]}


def until(read, condition, timeout=60):
    """
    Reads (read() is one of the above, with its machine) until condition(value) holds; returns the
    value. The protocol has no way to be told, so it is asked again and again.
    """
    deadline = Deadline(timeout)
    while True:
        value = read()
        if condition(value):
            return value
        if deadline.passed():
            raise TimedOut("after %s s it is still %s" % (timeout, value))
        time.sleep(0.05)
