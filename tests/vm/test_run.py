#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mvm-probe run: commands in a guest as if they were here."""
import json
import os
import signal
import subprocess

import cases
from rig import build
from rig.tap import main

POLICY = {"access": {"debug_exec": True}, "profile": "dev"}
DEADLINE_S = 120


class Run(cases.SharedBoot):
    """One boot for all of it."""

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "cat", "wc", "sleep", "id", "env", "head", "ps")
        guest.tree.file("/mnt/config/security-policy.json", json.dumps(POLICY))

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")

    def start(self, *words, **options):
        return subprocess.Popen([build.built("mvm-probe"), "run", self.machine.vsock_path, "--",
                                 *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **options)

    def run_command(self, *words, data=b""):
        process = self.start(*words)
        out, err = process.communicate(data, timeout=DEADLINE_S)
        return process.returncode, out, err

    def test_output_and_status(self):
        self.assertEqual(self.run_command("/bin/sh", "-c", "echo out; echo err >&2; exit 3"),
                         (3, b"out\n", b"err\n"))
        self.assertEqual(self.run_command("/bin/sh", "-c", "kill -9 $$")[0], 137)

    def test_it_is_not_root_and_has_what_it_is_given(self):
        self.assertEqual(self.run_command("/bin/id", "-u")[1], b"900\n")
        status, out, _ = self.run_command("-e", "A=b c", "-w", "/etc", "/bin/sh", "-c",
                                          "echo $A; pwd")
        self.assertEqual((status, out), (0, b"b c\n/etc\n"))

    def test_standard_input_of_any_size_and_bytes(self):
        data = os.urandom(300000)
        status, out, _ = self.run_command("/bin/cat", data=data)
        self.assertEqual((status, len(out), out == data), (0, len(data), True))

    def test_what_is_not_there(self):
        status, _, err = self.run_command("/bin/nothing")
        self.assertEqual(status, 125)
        self.assertIn(b"/bin/nothing: exec: No such file or directory", err)
        self.assertEqual(self.run_command("relative")[0], 2)

    def test_a_signal_reaches_the_command(self):
        process = self.start("/bin/sh", "-c", "trap 'echo got; exit 7' TERM; echo on; "
                             "sleep 1000 & wait")
        self.assertEqual(process.stdout.readline(), b"on\n")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((process.returncode, out), (7, b"got\n"))

    def test_a_time_limit(self):
        process = subprocess.run([build.built("mvm-probe"), "--timeout", "1s", "run",
                                  self.machine.vsock_path, "--", "/bin/sleep", "1000"],
                                 stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False)
        self.assertEqual(process.returncode, 124)


if __name__ == "__main__":
    main()
