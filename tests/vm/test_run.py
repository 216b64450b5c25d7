#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mvm-probe run: commands in a guest as if they were here."""
import json
import os
import signal
import subprocess

import cases
from rig import build, images
from rig.tap import main

POLICY = {"access": {"debug_exec": True}, "profile": "dev"}
DEADLINE_S = 120


class Run(cases.SharedBoot):
    """One boot for all of it."""

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "cat", "wc", "sleep", "id", "env", "head", "ps", "setsid")
        guest.user("web", 950)
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
        process = subprocess.run([build.built("mvm-probe"), "--timeout", "5s", "run",
                                  self.machine.vsock_path, "--", "/bin/sleep", "1000"],
                                 stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False)
        self.assertEqual(process.returncode, 124)

    def test_nothing_of_it_is_left(self):
        """Also of what has left its process group and session."""
        script = "setsid /bin/sleep 7777 & echo started; read x"
        process = self.start("/bin/sh", "-c", script)
        self.assertEqual(process.stdout.readline(), b"started\n")
        process.stdin.write(b"\n")
        process.communicate(timeout=DEADLINE_S)
        self.assertNotIn(b"7777", self.run_command("/bin/ps")[1])

    def test_another_user_is_for_the_policys_root(self):
        self.assertEqual(self.run_command("-u", "mvm", "/bin/id", "-u")[:2], (0, b"900\n"))
        for user in ("root", "web"):
            status, _, err = self.run_command("-u", user, "/bin/id", "-u")
            self.assertEqual(status, 125)
            self.assertIn(b"the security policy lets hosts act as mvm only (access.user)", err)
        status, _, err = self.run_command("-u", "nobody-known", "/bin/id")
        self.assertEqual(status, 125)
        self.assertIn(b"nobody-known", err)

    def test_there_is_no_diff_of_a_writable_root(self):
        done = subprocess.run([build.built("mvm-probe"), "diff", self.machine.vsock_path],
                              capture_output=True, check=False, timeout=DEADLINE_S)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"this guest has no overlay: its root is writable", done.stderr)


ALL_CAPABILITIES = "000001ffffffffff"


class AsRoot(cases.SharedBoot):
    """A policy whose user is root, on a root that is read-only."""

    root = "squashfs"

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "cat", "id", "rm", "mkdir", "mv", "chmod", "mount", "umount", "grep",
                      "rmdir")
        guest.user("web", 950)
        guest.tree.file("/etc/kept", "1")
        guest.tree.file("/etc/changed", "1")
        guest.tree.file("/etc/replaced", "1")
        guest.tree.file("/etc/gone", "1")
        guest.tree.file("/etc/dir/a", "1")
        guest.tree.file("/etc/again/old", "1")
        guest.tree.file("/var/lib/deep/f", "1")
        guest.drive("mvm-config", tree=images.Tree().file(
            "/security-policy.json", json.dumps({"access": {"debug_exec": True, "user": "root"}}),
            mode=0o444), readonly=True)

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("mvm-guest-agent: listening .*")

    def probe(self, *words):
        done = subprocess.run([build.built("mvm-probe"), *words], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False, timeout=DEADLINE_S)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def run_command(self, *words):
        return self.probe("run", self.machine.vsock_path, "--", *words)

    def test_root_has_all_capabilities(self):
        for verb in ("run", "shell"):
            status, out, err = self.probe(verb, self.machine.vsock_path, "--", "/bin/sh", "-c",
                                          "id -u; grep CapEff /proc/self/status")
            self.assertEqual(status, 0, err)
            self.assertEqual(out.split(), ["0", "CapEff:", ALL_CAPABILITIES])
        self.assertEqual(self.run_command(
            "/bin/sh", "-c", "mkdir /tmp/m && mount -t tmpfs none /tmp/m && umount /tmp/m && "
            "rmdir /tmp/m")[0], 0)

    def test_as_whom_it_is_asked_for(self):
        status, out, err = self.run_command("-u", "web", "/bin/sh", "-c",
                                            "id -u; grep -E 'Cap(Eff|Bnd)|NoNewPrivs' "
                                            "/proc/self/status")
        self.assertEqual((status, out.split()),
                         (0, ["950", "CapEff:", "0" * 16, "CapBnd:", "0" * 16,
                              "NoNewPrivs:", "1"]), err)

    def test_the_diff_of_the_overlays(self):
        before = self.probe("diff", self.machine.vsock_path)
        self.assertEqual(before[0], 0, before[2])
        self.assertEqual(self.run_command("/bin/sh", "-c", """
            echo 22 >/etc/changed; echo x >/etc/r; mv /etc/r /etc/replaced; rm /etc/gone
            mkdir -p /etc/new/deep; echo abc >/etc/new/deep/f; chmod 700 /etc/dir
            rm -r /etc/again; mkdir /etc/again; echo 1 >/etc/again/young
            echo 333 >/var/lib/deep/f""")[::2], (0, ""))
        status, out, err = self.probe("diff", self.machine.vsock_path)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual([l for l in out.splitlines() if l not in before[1].splitlines()], [
            "- /etc/again/old", "+ /etc/again/young", "~ /etc/changed", "~ /etc/dir", "- /etc/gone",
            "+ /etc/new", "+ /etc/new/deep", "+ /etc/new/deep/f", "~ /etc/replaced",
            "~ /var/lib/deep/f"])
        changes = json.loads(self.probe("diff", "-j", self.machine.vsock_path)[1])["changes"]
        self.assertIn({"path": "/etc/new/deep/f", "kind": "created", "size": 4}, changes)
        self.assertIn({"path": "/etc/gone", "kind": "deleted", "size": 0}, changes)
        self.assertNotIn("/etc/kept", [c["path"] for c in changes])

    def test_the_guests_mounts_are_as_before(self):
        """What the diff's process does to its mounts is its own."""
        before = self.run_command("/bin/cat", "/proc/mounts")[1]
        self.assertEqual(self.probe("diff", self.machine.vsock_path)[0], 0)
        self.assertEqual(self.run_command("/bin/cat", "/proc/mounts")[1], before)
        self.assertEqual(self.run_command("/bin/cat", "/etc/kept")[1], "1")

    def test_cp_is_roots_too(self):
        source = os.path.join(self.machine.directory, "one")
        with open(source, "w", encoding="ascii") as f:
            f.write("root's\n")
        self.assertEqual(self.probe("cp", source, self.machine.vsock_path + ":/root-file")[0], 1)
        self.assertEqual(self.probe("cp", source, self.machine.vsock_path + ":/etc/one"),
                         (0, "", ""))
        self.run_command("/bin/rm", "/etc/one")


if __name__ == "__main__":
    main()
