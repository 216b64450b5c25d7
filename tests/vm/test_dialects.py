#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Hosts of three generations ask one guest, each on its port: every request that mvm has, and each
answer decoded as that host decodes it.
"""
import json
import os

import cases
import mvm_client
import mvm_later
import mvm_types
from rig import images
from rig.tap import TestCase, main

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors", "messages.json")
OURS = {"Hello", "Services", "Logs", "BootTimeline", "Metrics", "Restart", "Shutdown", "Events",
        "Reload", "ReloadService"}
# They do something to the guest, or wait.
OTHER_TESTS = {"Wake", "PostRestore", "SleepPrep", "CheckpointIntegrations", "ProtocolHello"}
PORTS = {"A": 52, "B": 5252, "C": 5252}
HELLO = {"ProtocolHello": {"host_protocol_version": 1, "min_supported_version": 1,
                           "host_version": "0.14.0", "requested_capabilities": [
                               "ping", "readiness", "update_idle_timeout", "later_one"]}}


def bodies():
    """One good body of each request of mvm, as its vectors have it."""
    with open(VECTORS, encoding="utf-8") as f:
        vectors = json.load(f)
    good = {}
    for v in vectors:
        if v["direction"] == "request" and v["accept"] and v["message"] not in OURS | OTHER_TESTS:
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
