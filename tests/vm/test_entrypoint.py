#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""RunEntrypoint: what a host gets of the image's entrypoint, a script, while it runs."""
import json
import os
import subprocess

import cases
import mvm_client
import mvm_later
import mvm_types
from rig import build
from rig.tap import main

PATIENCE_S = 120
WRAPPERS = "/usr/lib/mvm/wrappers/"
# Its first line of input says what it does.
SCRIPT = r"""#!/bin/sh
read -r verb
case "$verb" in
facts) id -u; pwd; ls -ld . | cut -c1-10; wc -c </proc/self/environ; ls -A | wc -l
    echo left >file; mkdir -p a/b; echo err >&2; exit 7;;
cat) exec cat;;
live) echo one; read -r more; echo "two $more"; exec sleep 7777;;
records) printf '\007\000\000\000{"a":1}\003\000\000\000xyz' >&3; echo out
    printf '\002\000\000\000[]\000\000\000\000' >&3;;
bad) printf '\002\000\000\000{x\000\000\000\000' >&3; exec sleep 7777;;
much) exec head -c 1500000 /dev/zero;;
hang) trap 'echo asked' TERM; setsid sleep 7777 & sleep 7777 & wait; wait; exec sleep 7777;;
stopped) trap 'echo told; exit 3' TERM; kill -STOP $$; exec sleep 7777;;
crash) kill -9 $$;;
esac
"""


class Entrypoint(cases.SharedBoot):
    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "id", "pwd", "ls", "cut", "wc", "mkdir", "cat", "sleep", "head",
                      "setsid", "grep", "kill", "ps")
        guest.tree.file(WRAPPERS + "main", SCRIPT, mode=0o755)
        guest.tree.file("/etc/mvm/entrypoint", WRAPPERS + "main \r\n")
        guest.tree.file("/mnt/config/security-policy.json",
                        json.dumps({"access": {"debug_exec": True}}))

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")

    def begin(self, data, seconds=60):
        s = mvm_client.dial(self.machine.vsock_path, port=5252, timeout=PATIENCE_S)
        self.addCleanup(s.close)
        mvm_client.send(s, mvm_client.encode("RunEntrypoint", {
            "stdin": list(data), "timeout_secs": seconds}))
        return s

    @staticmethod
    def event(s):
        name, value = mvm_types.decode(mvm_client.receive(s), mvm_later.DIALECTS["B"])
        assert name == "EntrypointEvent", name
        return value

    def run_to_end(self, s):
        """(standard output, standard error, control records, the last event)"""
        out, err, records = b"", b"", []
        while True:
            name, value = self.event(s)
            if name == "Stdout":
                out += bytes(value["chunk"])
            elif name == "Stderr":
                err += bytes(value["chunk"])
            elif name == "Control":
                records.append((value["header_json"], bytes(value["payload"])))
            else:
                return out, err, records, (name, value)

    def call(self, data, seconds=60):
        return self.run_to_end(self.begin(data, seconds))

    def inside(self, *words):
        return subprocess.run([build.built("mvm-probe"), "run", self.machine.vsock_path, "--",
                               *words], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=PATIENCE_S).stdout.decode()

    def error(self, data, kind, seconds=60):
        out, _, _, (name, value) = self.call(data, seconds)
        self.assertEqual((name, value["kind"]), ("Error", kind), value)
        return out, value["message"]

    def assert_nothing_left(self):
        self.assertNotIn("mvm-call-", self.inside("/bin/ls", "/tmp"))
        self.assertNotIn("7777", self.inside("/bin/ps"))

    def test_a_script_in_a_directory_of_its_own(self):
        out, err, records, end = self.call(b"facts\n")
        lines = out.decode().split()
        self.assertRegex(lines[1], r"/tmp/mvm-call-\d+-[0-9a-f]{8}")
        self.assertEqual((lines[0], lines[2:]), ("900", ["drwx------", "0", "0"]))
        self.assertEqual((err, records, end), (b"err\n", [], ("Exit", {"code": 7})))
        self.assert_nothing_left()

    def test_input_and_output_of_any_bytes(self):
        data = os.urandom(200000)
        out, _, _, end = self.call(b"cat\n" + data)
        self.assertEqual((len(out), out == data, end), (len(data), True, ("Exit", {"code": 0})))

    def test_output_comes_while_it_runs_and_one_runs_at_a_time(self):
        s = self.begin(b"live\nmore\n")
        out = b""
        while out != b"one\ntwo more\n":
            name, value = self.event(s)
            self.assertEqual(name, "Stdout")
            out += bytes(value["chunk"])
        self.error(b"facts\n", "Busy")
        s.close()           # which ends it
        while self.call(b"cat\n")[3][0] != "Exit":
            pass
        self.assert_nothing_left()

    def test_control_records(self):
        out, _, records, end = self.call(b"records\n")
        self.assertEqual((out, end), (b"out\n", ("Exit", {"code": 0})))
        self.assertEqual(records, [('{"a":1}', b"xyz"), ("[]", b"")])
        self.error(b"bad\n", "InternalError")

    def test_ends_that_are_errors(self):
        self.assertIn("1 MiB", self.error(b"much\n", "PayloadCap")[1])
        # Time enough for the script to say what it does at TERM, on a busy machine, too.
        out, _ = self.error(b"stopped\n", "Timeout", seconds=4)
        self.assertEqual(out, b"told\n")
        out, message = self.error(b"hang\n", "Timeout", seconds=4)
        self.assertEqual((out, message), (b"asked\n", "its time is over"))
        self.assertIn("signal 9", self.error(b"crash\n", "WrapperCrashed")[1])
        self.assert_nothing_left()


if __name__ == "__main__":
    main()
