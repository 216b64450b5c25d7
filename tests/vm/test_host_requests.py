#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a service of the guest asks the host on its port 53, with the host's answers of every kind."""
import json
import os
import socket
import struct
import tempfile
import threading

import cases
import mvm_client
import protocol
from rig import images
from rig.contents import AGENT
from rig.tap import main

PORT = 53
ASKED = ["t1", "workers", "i-7f"]
YES, NO, NOBODY = 0, 1, 3       # exit codes


def frame(body):
    return struct.pack(">I", len(body)) + body


# (verb, what the host sends, exit code, what is printed)
ANSWERS = (
    ("wake", frame(b'{"WakeResult":{"success":true,"detail":null}}'), YES, "woken"),
    ("wake", frame(b'{"WakeResult":{"success":true,"detail":"was awake"}}'), YES, "was awake"),
    ("wake", frame(b' {"WakeResult":{"later":{},"success":true}}\n'), YES, "woken"),
    ("wake", frame(b'{"WakeResult":{"success":false,"detail":null}}'), NO, "not woken"),
    ("wake", frame(b'{"WakeResult":{"success":false,"detail":"no room"}}'), NO, "no room"),
    ("wake", frame(b'{"Error":{"message":"no such instance"}}'), NO, "no such instance"),
    ("wake", frame(b'{"WakeResult":{"success":null}}'), NO, "cannot read"),
    ("wake", frame(b'{"WakeResult":{"success":true,"success":true}}'), NO, "cannot read"),
    ("wake", frame(b'"Pong"'), NO, "cannot read"),
    ("wake", frame(b""), NO, "cannot read"),
    ("wake", frame(b'{"InstanceStatus":{"status":"Running"}}'), NO, "unexpected answer"),
    ("wake", frame(b'{"WakeResult":{"success":true}}' + b" " * (262144 - 31)), YES, "woken"),
    ("wake", struct.pack(">I", 262145), NOBODY, "Message too large"),
    ("wake", b"", NOBODY, "does not answer"),
    ("wake", b"\0\0", NOBODY, "does not answer"),
    ("wake", frame(b'{"WakeResult":{"success":true}}')[:-1], NOBODY, "does not answer"),
    ("query", frame(b'{"InstanceStatus":{"status":"Running","guest_ip":"10.240.1.5"}}'), YES,
     "Running 10.240.1.5"),
    ("query", frame(b'{"InstanceStatus":{"status":"stopped","guest_ip":null}}'), YES, "stopped"),
    ("query", frame(b'{"InstanceStatus":{"status":"stopped"}}'), YES, "stopped"),
    ("query", frame(b'{"InstanceStatus":{"guest_ip":"10.240.1.5"}}'), NO, "cannot read"),
    ("query", frame(b'{"WakeResult":{"success":true}}'), NO, "unexpected answer"),
    ("query", frame(b'{"Error":{"message":"not yours"}}'), NO, "not yours"),
)
NAMES = {"wake": ("--wake-instance", "WakeInstance"),
         "query": ("--query-instance", "QueryInstanceStatus")}


class HostRequests(cases.SharedBoot):
    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", "{\"access\":{\"debug_exec\":true}}", mode=0o444),
            readonly=True)

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")
        cls.client = mvm_client.Client(machine.vsock_path)

    def ask(self, option):
        """Exit code and output of a program of the guest, which is no part of the agent."""
        result = self.client.exec(" ".join([AGENT, option] + ASKED), timeout=60)
        return result["exit_code"], result["stdout"] + result["stderr"]

    @staticmethod
    def answer(listener, data, asked):
        """As a host does: takes one connection and one request, and gives this answer."""
        s, _ = listener.accept()
        with s:
            s.settimeout(60)
            asked.append(mvm_client.receive(s))
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

    def test_every_answer(self):
        listener = self.machine.listen(PORT)
        for verb, data, code, words in ANSWERS:
            with self.subTest(verb=verb, answer=data[:80]):
                option, name = NAMES[verb]
                asked = []
                host = threading.Thread(target=self.answer, args=(listener, data, asked))
                host.start()
                got, text = self.ask(option)
                host.join()
                self.assertEqual(got, code, text)
                self.assertIn(words, text)
                self.assertEqual(asked, [json.dumps({name: dict(zip(
                    ("tenant_id", "pool_id", "instance_id"), ASKED))},
                    separators=(",", ":")).encode()])

    def test_before_anybody_listens(self):
        for option, _ in NAMES.values():
            code, text = self.ask(option)
            self.assertEqual(code, NOBODY, text)
            self.assertIn("nothing listens", text)


class HostTime(cases.GuestCase):
    """The clock, where an orchestrator answers QueryHostTime: at boot, Wake and PostRestore."""

    BOOT, WAKE, RESTORE = 1780000000, 1790000000, 1800000000

    def serve(self, listener):
        """Answers each question with what self.now says: a time, or a body."""
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            with s:
                s.settimeout(60)
                self.asked.append(mvm_client.receive(s))
                body = self.now if isinstance(self.now, bytes) else json.dumps({"HostTime": {
                    "unix_seconds": self.now, "unix_nanos": 500000000}}).encode()
                s.sendall(frame(body))

    def test_boot_wake_and_restore(self):
        guest = self.guest("squashfs")
        guest.busybox("date")
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", "{\"access\":{\"debug_exec\":true}}", mode=0o444),
            readonly=True)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        machine = guest.machine(vsock_path=os.path.join(directory.name, "v.sock"))
        self.asked, self.now = [], self.BOOT
        listener = machine.listen(PORT)
        self.addCleanup(listener.close)
        listener.settimeout(None)
        host = threading.Thread(target=self.serve, args=(listener,), daemon=True)
        host.start()
        self.start(machine)
        machine.console.wait_line(
            "mvm-guest-agent: the host's clock is -?[0-9]+ ms ahead: taken over")
        client = mvm_client.Client(machine.vsock_path)

        def seconds():
            return int(client.exec("/bin/date +%s", timeout=60)["stdout"])

        protocol.until(seconds, lambda now: self.BOOT <= now < self.BOOT + 600)
        for name, answer, when in (("Wake", "WakeAck", self.WAKE),
                                   ("PostRestore", "PostRestoreAck", self.RESTORE)):
            self.now = when
            got, value = client.call(name, timeout=60)
            self.assertEqual((got, value["success"]), (answer, True))
            self.assertTrue(when <= seconds() < when + 600)
        self.assertEqual(set(self.asked), {b'"QueryHostTime"'})
        # A refusal, and no answer that can be read, leave the clock alone and fail nothing.
        for self.now in (b'{"Error":{"message":"not here"}}', b"{}"):
            self.assertTrue(client.call("Wake", timeout=60)[1]["success"])
            self.assertTrue(self.RESTORE <= seconds() < self.RESTORE + 1200)


if __name__ == "__main__":
    main()
