#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Hosts of three generations ask one guest, each on its port: every request that mvm has, and each
answer decoded as that host decodes it.
"""
import json
import os
import socket
import struct

import cases
import mvm_client
import mvm_later
import mvm_types
from rig import images
from rig.tap import TestCase, main

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors", "messages.json")
OURS = {"Hello", "Services", "Logs", "BootTimeline", "Metrics", "Restart", "Shutdown", "Events",
        "Reload", "ReloadService", "FsHash", "FsSetAttributes"}
# They do something to the guest, or wait.
OTHER_TESTS = {"Wake", "PostRestore", "SleepPrep", "CheckpointIntegrations", "ProtocolHello"}
# They carry bytes, and may have up to a MiB.
LARGE = {"FsWrite", "ProcStart", "ProcSendInput", "RunEntrypoint"}
PORTS = {"A": 52, "B": 5252, "C": 5252}
HELLO = {"ProtocolHello": {"host_protocol_version": 1, "min_supported_version": 1,
                           "host_version": "0.14.0", "requested_capabilities": [
                               "ping", "readiness", "update_idle_timeout", "later_one"]}}


def vectors():
    """The requests of all vectors."""
    with open(VECTORS, encoding="utf-8") as f:
        return [v for v in json.load(f) if v["direction"] == "request"]


def bodies():
    """One good body of each request of mvm, as its vectors have it."""
    good = {}
    for v in vectors():
        if v["accept"] and v["message"] not in OURS | OTHER_TESTS:
            good.setdefault(v["message"], v["text"])
    return good


class Decoders(TestCase):
    """What the decoders refuse, so that a test that passes says something."""

    def test_answers_with_a_field_too_many(self):
        for dialect in mvm_later.DIALECTS.values():
            with self.assertRaises(mvm_types.Undecodable):
                mvm_types.decode(b'{"WakeAck":{"success":true,"later":1}}', dialect)

    def test_answers_of_a_later_host(self):
        later = {"A": b'{"EntrypointStatusReport":{"ok":false,"path":null,"detail":null}}',
                 "B": b'{"UnsupportedInProfile":{"profile":"dev","verb":"Exec"}}'}
        for name, body in later.items():
            with self.assertRaises(mvm_types.Undecodable):
                mvm_types.decode(body, mvm_later.DIALECTS[name])
            mvm_types.decode(body, mvm_later.DIALECTS["C"])


class Dialects(cases.SharedBoot):
    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "true")
        guest.integration("db", health_cmd="true", health_interval_secs=1)
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", "{\"profile\":\"sealed-prod\"}", mode=0o444), readonly=True)

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")

    def ask(self, dialect, *requests):
        """The answers, decoded by this dialect's host, to requests on one connection."""
        answers = []
        with mvm_client.dial(self.machine.vsock_path, port=PORTS[dialect], timeout=60) as s:
            for request in requests:
                mvm_client.send(s, request.encode())
                answers.append(mvm_types.decode(mvm_client.receive(s),
                                                mvm_later.DIALECTS[dialect]))
        return answers

    def test_every_request_on_every_port(self):
        for dialect in PORTS:
            before = [json.dumps(HELLO)] if dialect == "C" else []
            for name, body in bodies().items():
                with self.subTest(dialect, request=name):
                    self.ask(dialect, *before, body)

    # ---- the same in every way that a request may come

    def dial(self):
        s = mvm_client.dial(self.machine.vsock_path, port=5252, timeout=60)
        self.addCleanup(s.close)
        return s

    def answer(self, s):
        return mvm_types.decode(mvm_client.receive(s), mvm_later.DIALECTS["C"])

    def test_what_is_no_request_is_an_error_and_the_end(self):
        bad = [v["text"] for v in vectors() if not v["accept"]]
        self.assertGreater(len(bad), 300)
        for text in bad:
            with self.subTest(text[:200]):
                s = self.dial()
                mvm_client.send(s, text.encode(errors="surrogatepass"))
                self.assertEqual(self.answer(s)[0], "Error")
                self.assertEqual(s.recv(1), b"")
                s.close()

    def test_pipelined_and_cut(self):
        for name, body in bodies().items():
            frame = struct.pack(">I", len(body)) + body.encode()
            with self.subTest(name):
                s = self.dial()
                s.sendall(frame + frame[:-1])
                answers = [self.answer(s)[0]]
                s.sendall(frame[-1:])
                answers.append(self.answer(s)[0])
                self.assertEqual(answers[0], answers[1])
                s.sendall(frame[:-1])
                s.shutdown(socket.SHUT_WR)
                self.assertEqual(s.recv(1), b"")
                s.close()

    def test_byte_by_byte_side_by_side(self):
        frames = {name: struct.pack(">I", len(body)) + body.encode()
                  for name, body in bodies().items()}
        sockets = {name: self.dial() for name in frames}
        for i in range(max(map(len, frames.values()))):
            for name, frame in frames.items():
                sockets[name].sendall(frame[i:i + 1])
        for name, s in sockets.items():
            with self.subTest(name):
                self.answer(s)
                s.close()

    def test_too_long(self):
        for name in bodies():
            most = 1048576 if name in LARGE else 262144
            start = ("{\"%s\":{" % name).encode().ljust(64)
            with self.subTest(name):
                s = self.dial()
                s.sendall(struct.pack(">I", most + 1) + start)
                got, value = self.answer(s)
                self.assertEqual(got, "Error")
                self.assertIn("%d bytes" % (most + 1), value["message"])
                s.close()

    def test_hello_names_what_is_served_and_allowed(self):
        (name, value), = self.ask("C", json.dumps(HELLO))
        self.assertEqual((name, value["capabilities"]),
                         ("ProtocolHelloAck", ["ping", "readiness", "update_idle_timeout"]))

    def test_a_sealed_guest_says_so_to_those_who_understand(self):
        body = json.dumps({"Exec": {"command": "true"}})
        self.assertEqual(self.ask("B", body)[0][0], "Error")
        self.assertEqual(self.ask("C", json.dumps(HELLO), body)[1],
                         ("UnsupportedInProfile", {"profile": "sealed-prod", "verb": "Exec"}))

    def test_readiness_comes_with_health(self):
        name, value = self.ask("C", json.dumps(HELLO), '"ReadinessStatus"')[1]
        self.assertEqual((name, value["profile"]), ("ReadinessStatusReport", "sealed-prod"))
        self.assertIn(value["integrations"][0], ("starting", "ready"))
        self.assertEqual(self.ask("B", '"ReadinessStatus"')[0][0], "Error")


if __name__ == "__main__":
    main()
