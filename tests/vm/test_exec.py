#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exec over the real path: who may, and what becomes of commands, their output and their children."""
import json
import subprocess

import cases
import mvm_client
import mvm_types
import protocol
from rig import images
from rig.tap import main

POLICY = "/mnt/config/security-policy.json"
ENTRY = {"pattern": "rm", "category": "files", "severity": "High", "action": "Block"}
CUT = "\n... (truncated)\n"
PATIENCE_S = 120        # an answer that takes as long has failed to come

# Whether a policy with this text gives leave.
POLICIES = (
    ("{\"access\":{\"debug_exec\":true}}", True),
    ("{}", False), ("", False), ("{", False), ("null", False), ("[]", False), ("true", False),
    ("{\"access\":{}}", False), ("{\"access\":null}", False), ("{\"debug_exec\":true}", False),
    ("{\"access\":{\"debug_exec\":false}}", False), ("{\"access\":{\"debug_exec\":null}}", False),
    ("{\"access\":{\"debug_exec\":1}}", False), ("{\"access\":{\"debug_exec\":\"true\"}}", False),
    ("{\"access\":{\"debug_exec\":true,\"debug_exec\":true}}", False),
    ("{\"access\":{\"debug_exec\":true}}x", False),
    ("{\"access\":{\"debug_exec\":true},\"require_auth\":1}", False),
    ("{\"access\":{\"debug_exec\":true},\"rate_limits\":{\"frames_per_second\":-1}}", False),
    (json.dumps({"access": {"debug_exec": True}, "blocklist": [ENTRY], "later": [1]}), True),
    (json.dumps({"access": {"debug_exec": True}, "blocklist": [ENTRY, {"pattern": "x"}]}), False),
    (json.dumps({"access": {"debug_exec": True}, "blocklist": [dict(ENTRY, severity="Odd")]}),
     False),
    (json.dumps({"access": {"debug_exec": True}, "blocklist": [dict(ENTRY, pattern=3)]}), False),
    (json.dumps({"access": {"debug_exec": True}, "blocklist": {}}), False),
)


class AddedDirectory(cases.GuestCase):
    def test_what_it_writes_to_a_drive_is_there_when_the_guest_is_killed(self):
        """As mvm's exec --add-dir DIR:rw does it: mount by label, write, take the drive."""
        guest = self.guest("squashfs")
        guest.busybox("sh", "mkdir", "mount", "cat")
        drive = guest.drive("mvm-extra-0", {"here": "of the host"})
        guest.drive("mvm-config", tree=images.Tree().file("/security-policy.json", json.dumps(
            {"access": {"debug_exec": True, "user": "root"}}), mode=0o644), readonly=True)
        machine = self.boot(guest)
        machine.console.wait_line("mvm-guest-agent: listening .*")
        command = ("mkdir -p '/tmp/added' && mount LABEL='mvm-extra-0' '/tmp/added' && cd '/tmp/added' "
                   "&& cat here && exec /bin/sh -c 'echo kept >new'")
        answer = protocol.ask(machine, {"Exec": {"command": command}})
        machine.close()
        self.assertEqual(answer, {"ExecResult": {
            "exit_code": 0, "stdout": "of the host", "stderr": ""}})
        subprocess.run(["e2fsck", "-fy", drive], stdout=subprocess.DEVNULL, check=False)
        self.assertEqual(images.read_file(drive, "/new"), b"kept\n")


class Leave(cases.GuestCase):
    """The policy is read at each request, and whatever is wrong with it means no."""

    def allowed(self):
        name, value = self.client.call("Exec", {"command": "true"})
        if name == "ExecResult":
            self.assertEqual(value["exit_code"], 0)
            return True
        self.assertEqual((name, value["message"]), (
            "Error", "exec rejected: access.debug_exec not enabled in security policy"))
        return False

    def test_every_policy(self):
        guest = self.guest("ext4")
        cases.add_remote(guest)
        guest.busybox("sh", "true", "cat", "rm", "mkdir", "rmdir", "chmod", "ln")
        for n, (text, _) in enumerate(POLICIES):
            guest.tree.file("/p/%d" % n, text)
        machine = self.boot(guest)
        machine.console.wait_line("mvm-guest-agent: listening .*")
        self.client = mvm_client.Client(machine.vsock_path)
        self.assertFalse(self.allowed(), "missing")
        for n, (text, leave) in enumerate(POLICIES):
            self.do(machine, "cat /p/%d >%s" % (n, POLICY))
            with self.subTest(text):
                self.assertEqual(self.allowed(), leave)
        for line, leave in (("cat </p/0 >%s", True), ("chmod 0 %s", False), ("chmod 400 %s", False),
                            ("chmod 444 %s", True), ("rm %s", False), ("mkdir %s", False),
                            ("rmdir %s; ln -s /p/absent %s", False),
                            ("rm %s; ln -s %s %s", False), ("rm %s; ln -s /p/0 %s", True)):
            self.do(machine, line.replace("%s", POLICY))
            with self.subTest(line):
                self.assertEqual(self.allowed(), leave)


class Exec:
    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "cat", "echo", "grep", "head", "tr", "yes", "true")
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", POLICIES[0][0], mode=0o444), readonly=True)

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")
        cls.client = mvm_client.Client(machine.vsock_path)

    def run_it(self, command, **options):
        return self.client.exec(command, **options)

    def running(self, number):
        """How many processes have this number among their arguments."""
        found = self.run_it("grep -la '%s[%s]' /proc/[0-9]*/cmdline" % (number[:-1], number[-1]))
        return len(found["stdout"].split())

    def test_the_end_of_its_time(self):
        """For its whole group, and for a child that will not hear of it."""
        result = self.run_it("/bin/acts nap 7000001 & trap '' TERM; /bin/acts nap 7000001; echo no",
                             timeout=1)
        self.assertEqual((result["exit_code"], result["stdout"]), (124, ""))
        self.assertIn("timed out", result["stderr"])
        protocol.until(lambda: self.running("7000001"), lambda n: n == 0)

    def test_a_host_that_goes_away(self):
        with mvm_client.dial(self.machine.vsock_path) as s:
            mvm_client.send(s, mvm_client.encode(
                "Exec", {"command": "/bin/acts nap 7000002 & /bin/acts nap 7000002",
                         "timeout_secs": 86400}))
            protocol.until(lambda: self.running("7000002"), lambda n: n >= 2)
        protocol.until(lambda: self.running("7000002"), lambda n: n == 0)

    def test_a_child_that_keeps_the_pipe(self):
        result = self.run_it("/bin/acts nap 7000003 & echo here")
        self.assertEqual((result["exit_code"], result["stdout"]), (0, "here\n"))

    def frame_of(self, command):
        """The answer's size in a frame, and the answer."""
        with mvm_client.dial(self.machine.vsock_path, timeout=PATIENCE_S) as s:
            mvm_client.send(s, mvm_client.encode("Exec", {"command": command,
                                                          "timeout_secs": 600}))
            body = mvm_client.receive(s)        # which refuses what is longer than a frame
        name, result = mvm_types.decode(body)
        self.assertEqual((name, result["exit_code"]), ("ExecResult", 0))
        return len(body), result

    def test_what_grows_when_it_is_encoded(self):
        ones = "head -c 300000 /dev/zero | tr '\\0' '\\1'"
        for command, streams in ((ones, 1), ("{ %s; } >&2; %s" % (ones, ones), 2)):
            size, result = self.frame_of(command)
            self.assertGreater(size, 261000)
            for text in [result["stdout"], result["stderr"]][:streams]:
                self.assertTrue(text.endswith(CUT))
                self.assertEqual(set(text[:-len(CUT)]), {"\x01"})
                self.assertGreater(len(text), 43000 // streams)

    def test_a_cut_between_characters(self):
        for before in range(4):
            size, result = self.frame_of("head -c %d /dev/zero | tr '\\0' x; "
                                         "yes '\U0001f600' | tr -d '\\n' | head -c 400000" % before)
            self.assertGreater(size, 261000)
            text = result["stdout"]
            self.assertTrue(text.endswith(CUT))
            self.assertEqual(set(text[before:-len(CUT)]), {"\U0001f600"})

    def test_what_is_no_text(self):
        result = self.run_it("head -c 3 /dev/zero | tr '\\0' '\\377'; echo")
        self.assertEqual(result["stdout"], "\ufffd\ufffd\ufffd\n")

    def test_much_in_and_much_out(self):
        text = "0123456789abcde\n" * 8000
        self.assertTrue(self.run_it("cat", stdin=text)["stdout"] == text)
        self.assertEqual(self.run_it("head -c 1", stdin=text)["stdout"], "0")
        self.assertEqual(self.run_it("true", stdin=text)["exit_code"], 0)
        half = text[:len(text) // 2]
        result = self.run_it("while read -r l; do echo $l; echo $l >&2; done", stdin=half)
        self.assertTrue(result["stdout"] == result["stderr"] == half)


class ExecOnExt4(Exec, cases.SharedBoot):
    pass


class ExecOnSquashfs(Exec, cases.SharedBoot):
    root = "squashfs"
    options = {"quirks": True}      # half-closes as Firecracker does


if __name__ == "__main__":
    main()
